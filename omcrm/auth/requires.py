"""The decorator of routes that people use with a session and programs with an API token."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import g, make_response, request
from flask.typing import ResponseReturnValue

from omcrm.auth.access import (
    View,
    answer_unauthenticated,
    record_admin_attempt,
    refusal,
    refuse_admin_access,
)
from omcrm.auth.credential import Caller, Unidentified, UnidentifiedReason, identify
from omcrm.auth.scope import ADMIN_ONLY, Scope
from omcrm.extensions import csrf


def requires(*scopes: str, session_only: bool = False) -> Callable[[View], View]:
    """Let in callers with a session whose user has all of these scopes, or a token that has them.

    With a session, unsafe methods need the CSRF token and one of our own pages; with a token they
    do not, because then the cookie is not read. Use it below the route's decorator. `session_only`
    refuses tokens. The view has the scopes as its attribute `scopes`.
    """
    needed = [Scope(scope) for scope in scopes]

    def decorate(view: View) -> View:
        @wraps(view)
        def checked_view(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            caller = identify(request.environ)
            if isinstance(caller, Unidentified):
                return _refuse(caller)
            if caller.scopes is None:
                csrf.protect()
            elif session_only:
                return refusal("SESSION_REQUIRED", "This needs a login, not a token.", 403)
            for scope in needed:
                if not caller.may(scope):
                    return _refuse_scope(caller, scope)
            g.caller = caller
            return view(*args, **kwargs)

        checked_view.scopes = frozenset(needed)  # type: ignore[attr-defined]
        # The app's own check would require a page's CSRF token of programs.
        csrf.exempt(checked_view)
        return checked_view

    return decorate


def current_caller() -> Caller:
    """The caller of this request; inside of routes with `requires`."""
    caller: Caller = g.caller
    return caller


def _refuse(refused: Unidentified) -> ResponseReturnValue:
    if refused.reason is UnidentifiedReason.NONE_GIVEN:
        answer = make_response(answer_unauthenticated())
    else:
        wait = refused.wait_seconds or None
        answer = refusal(refused.code, refused.message, refused.status, wait=wait)
    if answer.status_code == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _refuse_scope(caller: Caller, scope: Scope) -> ResponseReturnValue:
    if caller.scopes is None:
        return refuse_admin_access(caller.user_id)
    if scope in ADMIN_ONLY and not caller.is_admin:
        record_admin_attempt(caller.user_id)
    return refusal("INSUFFICIENT_SCOPE", f"This needs a token with the scope {scope}.", 403)
