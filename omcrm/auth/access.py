"""Who may see what: the guards of routes, and how they refuse."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from flask import Response, abort, jsonify, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from omcrm.auth.next_page import local_path
from omcrm.errors import AccessRefused
from omcrm.extensions import db
from omcrm.storage.audit import record

View = Callable[..., ResponseReturnValue]

_PAGES = (
    "/webtrader/",
    "/webtrader/dashboard",
    "/realtime/dashboard/",
    "/realtime/test/",
    "/api/docs",
)


def admin_required(view: View) -> View:
    """Let only admins in; a refusal of anybody who is logged in goes to the audit log."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not current_user.is_authenticated:
            return answer_unauthenticated()
        if not current_user.is_admin:
            return refuse_admin_access(current_user.id)
        return view(*args, **kwargs)

    return guarded


def answer_unauthenticated() -> ResponseReturnValue:
    """A program is told so with 401; a person is sent to the login page and back afterwards."""
    if wants_json():
        return refusal("AUTHENTICATION_REQUIRED", "You must log in first.", 401)
    # What was posted cannot be posted again by a redirect, so only pages are come back to.
    wanted = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else None
    return redirect(url_for("auth.login", next=local_path(wanted)))


def wants_json() -> bool:
    """Whether the caller reads JSON: on routes for programs always, elsewhere whoever says so."""
    if is_for_programs(request.path):
        return True
    # text/html first: it wins where a browser would take either.
    offered = ("text/html", "application/json")
    return request.is_json or request.accept_mimetypes.best_match(offered) == offered[1]


def is_for_programs(path: str) -> bool:
    """Whether what is at this path answers in JSON, whoever asks."""
    return path.startswith(("/webtrader/", "/api/", "/realtime/")) and path not in _PAGES


def record_admin_attempt(user_id: int) -> None:
    """Put on record that somebody who is no admin asked for what is for admins; commits."""
    record(
        "refused_admin_access",
        datetime.now(UTC),
        user_id=user_id,
        detail=f"{request.method} {request.path}",
    )
    db.session.commit()


def refuse_admin_access(user_id: int) -> ResponseReturnValue:
    """The refusal of somebody who is known and no admin; puts it on record and commits."""
    record_admin_attempt(user_id)
    if not wants_json():
        abort(403)
    return refusal("ADMIN_REQUIRED", "Only an admin may do this.", 403)


def refused(error: AccessRefused) -> Response:
    """A refusal as programs read it."""
    return refusal(error.code, error.message, error.status, error.field, error.wait)


def refusal(
    code: str, message: str, status: int, field: str | None = None, wait: int | None = None
) -> Response:
    """The same from its parts: `field` is what is wrong, after `wait` seconds one may try again."""
    error = {"code": code, "message": message} | ({"field": field} if field else {})
    answer = make_response(jsonify(success=False, error=error), status)
    if wait is not None:
        answer.headers["Retry-After"] = str(wait)
    return answer
