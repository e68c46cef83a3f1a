"""Who may use a route and how it answers: stated by a decorator, read by all that refuse."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

from flask import (
    Response,
    abort,
    current_app,
    g,
    redirect,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from msgspec import UNSET, Struct
from werkzeug.exceptions import MethodNotAllowed

from omcrm.auth.credential import Caller, Unidentified, UnidentifiedReason, identify
from omcrm.auth.json_answer import json_answer
from omcrm.auth.login import local_path
from omcrm.auth.permission import PERMISSIONS, Permission, least_role
from omcrm.errors import AccessRefused
from omcrm.extensions import csrf
from omcrm.storage.audit import record
from omcrm.storage.transaction import transaction
from omcrm.storage.user import Role
from omcrm.wire.answer import JsonRefused, JsonWrong
from omcrm.wire.error_code import ErrorCode

View = Callable[..., ResponseReturnValue]
AnyView = TypeVar("AnyView", bound=Callable[..., Any])

# Of an unknown path only the prefix is known: below these are routes for programs.
_FOR_PROGRAMS = ("/webtrader/", "/api/", "/realtime/")
# Without a credential that counts: the cookie does not on requests of another site.
_STRANGERS = (UnidentifiedReason.NONE_GIVEN, UnidentifiedReason.FOREIGN_ORIGIN)
_ONLY = {Role.STAFF: "Only staff may do this.", Role.ADMIN: "Only an admin may do this."}


# What a route states


class Access(Struct, frozen=True, kw_only=True):
    """Who may use a route, and whether it answers people with a page or programs in JSON.

    A public one asks for no credential. Any other one needs a caller with all `permissions`; where
    it is `session_only` an API token is refused.
    """

    permissions: frozenset[Permission] = frozenset()
    is_public: bool = False
    session_only: bool = False
    is_page: bool = False


def public(*, page: bool = False) -> Callable[[AnyView], AnyView]:
    """Let everybody in. Use it below the route's decorator."""

    def decorate(view: AnyView) -> AnyView:
        view.access = Access(is_public=True, is_page=page)  # type: ignore[attr-defined]
        return view

    return decorate


def requires(
    *permissions: str, session_only: bool = False, page: bool = False
) -> Callable[[View], View]:
    """Let in callers that have all of these permissions: by a session, or by an API token unless
    it is `session_only`.

    With a session, unsafe methods need the CSRF token and one of our own pages; with a token they
    do not, because then the cookie is not read. Use it below the route's decorator.
    """
    access = Access(
        permissions=frozenset(map(Permission, permissions)),
        session_only=session_only,
        is_page=page,
    )

    def decorate(view: View) -> View:
        @wraps(view)
        def checked_view(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            caller = identify(request.environ)
            if isinstance(caller, Unidentified):
                return _refuse_unidentified(caller, access)
            denial = _refusal_of(caller, access)
            if denial is not None:
                return denial
            g.caller = caller
            return view(*args, **kwargs)

        checked_view.access = access  # type: ignore[attr-defined]
        # The app's own check would require a page's CSRF token of programs.
        csrf.exempt(checked_view)
        return checked_view

    return decorate


def current_caller() -> Caller:
    """The caller of this request; inside of routes with `requires`."""
    caller: Caller = g.caller
    return caller


# How a request is answered


def route_access() -> Access | None:
    """What the route of this request states; None where the path has no route."""
    view = current_app.view_functions.get(request.endpoint or _endpoint_of_another_method())
    return getattr(view, "access", None)


def is_for_programs() -> bool:
    """Whether the route of this request answers in JSON."""
    access = route_access()
    return request.path.startswith(_FOR_PROGRAMS) if access is None else not access.is_page


def wants_json() -> bool:
    """Whether the answer is JSON: always on routes for programs, elsewhere by the headers."""
    if is_for_programs():
        return True
    # text/html first: it wins where a browser accepts both.
    html, json = "text/html", "application/json"
    return request.is_json or request.accept_mimetypes.best_match((html, json)) == json


def _endpoint_of_another_method() -> str:
    """The endpoint at the request's path where only its method is wrong; else empty."""
    error = request.routing_exception
    if not isinstance(error, MethodNotAllowed) or not error.valid_methods:
        return ""
    # Not earlier: it raises for a `Host` that is none.
    adapter = current_app.create_url_adapter(request)
    if adapter is None:
        return ""
    endpoint, _ = adapter.match(method=next(iter(error.valid_methods)), websocket=False)
    return str(endpoint)


# Refusals


def refused(error: AccessRefused) -> Response:
    """The JSON answer of a refusal."""
    return refusal(error.code, error.message, error.status, error.field, error.wait)


def refusal(
    code: ErrorCode, message: str, status: int, field: str | None = None, wait: int | None = None
) -> Response:
    """The same from its parts: `field` is the wrong one, `wait` the seconds for Retry-After."""
    wrong = JsonWrong(code=code, message=message, field=field or UNSET)
    answer = json_answer(JsonRefused(error=wrong), status)
    if wait is not None:
        answer.headers["Retry-After"] = str(wait)
    return answer


def _refuse_unidentified(refused: Unidentified, access: Access) -> ResponseReturnValue:
    if access.is_page and refused.reason in _STRANGERS:
        # A form without its token is wrong whoever sends it.
        csrf.protect()
        if refused.reason is UnidentifiedReason.NONE_GIVEN and not wants_json():
            return _to_the_login()
    answer = refusal(
        refused.code, refused.message, refused.status, wait=refused.wait_seconds or None
    )
    if answer.status_code == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _to_the_login() -> ResponseReturnValue:
    # A redirect cannot repeat a POST, so the login returns to pages only.
    wanted = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else None
    return redirect(url_for("auth.login", next=local_path(wanted)))


def _refusal_of(caller: Caller, access: Access) -> ResponseReturnValue | None:
    """Why this caller may not use the route; None where it may."""
    if caller.has_session:
        csrf.protect()
    elif access.session_only:
        return refusal(ErrorCode.SESSION_REQUIRED, "This needs a login, not a token.", 403)
    missing = sorted(access.permissions - caller.permissions)
    return _refuse_missing(caller, missing[0]) if missing else None


def _refuse_missing(caller: Caller, permission: Permission) -> ResponseReturnValue:
    if permission not in PERMISSIONS[caller.role]:
        _record_attempt(caller.user_id)
    if not caller.has_session:
        message = f"This needs a token with the scope {permission}."
        return refusal(ErrorCode.INSUFFICIENT_SCOPE, message, 403)
    if not wants_json():
        abort(403)
    return refusal(ErrorCode.ADMIN_REQUIRED, _ONLY[least_role(permission)], 403)


def _record_attempt(user_id: int) -> None:
    """Write to the audit log that a user requested what the role may not do; commits."""
    with transaction():
        record(
            "refused_admin_access",
            datetime.now(UTC),
            user_id=user_id,
            detail=f"{request.method} {request.path}",
        )
