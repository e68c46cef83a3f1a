"""Who may use a route: the check of admins, and the answers of refusals."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from flask import Response, abort, jsonify, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from omcrm.auth.next_page import local_path
from omcrm.errors import AccessRefused
from omcrm.storage.audit import record
from omcrm.storage.transaction import transaction

View = Callable[..., ResponseReturnValue]

_PAGES = (
    "/webtrader/",
    "/webtrader/dashboard",
    "/realtime/dashboard/",
    "/realtime/test/",
    "/api/docs",
)


def admin_required(view: View) -> View:
    """Let only admins in; the refusal of a logged-in user goes to the audit log."""

    @wraps(view)
    def checked_view(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not current_user.is_authenticated:
            return answer_unauthenticated()
        if not current_user.is_admin:
            return refuse_admin_access(current_user.id)
        return view(*args, **kwargs)

    return checked_view


def answer_unauthenticated() -> ResponseReturnValue:
    """401 for programs; people are redirected to the login page, and back after the login."""
    if wants_json():
        return refusal("AUTHENTICATION_REQUIRED", "You must log in first.", 401)
    # A redirect cannot repeat a POST, so the login returns to pages only.
    wanted = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else None
    return redirect(url_for("auth.login", next=local_path(wanted)))


def wants_json() -> bool:
    """Whether the answer is JSON: always on routes for programs, elsewhere by the headers."""
    if is_for_programs(request.path):
        return True
    # text/html first: it wins where a browser accepts both.
    html, json = "text/html", "application/json"
    return request.is_json or request.accept_mimetypes.best_match((html, json)) == json


def is_for_programs(path: str) -> bool:
    """Whether the route at this path always answers in JSON."""
    return path.startswith(("/webtrader/", "/api/", "/realtime/")) and path not in _PAGES


def record_admin_attempt(user_id: int) -> None:
    """Write to the audit log that a user who is no admin requested an admin's route; commits."""
    with transaction():
        record(
            "refused_admin_access",
            datetime.now(UTC),
            user_id=user_id,
            detail=f"{request.method} {request.path}",
        )


def refuse_admin_access(user_id: int) -> ResponseReturnValue:
    """The refusal of a user who is no admin; writes it to the audit log and commits."""
    record_admin_attempt(user_id)
    if not wants_json():
        abort(403)
    return refusal("ADMIN_REQUIRED", "Only an admin may do this.", 403)


def refused(error: AccessRefused) -> Response:
    """The JSON answer of a refusal."""
    return refusal(error.code, error.message, error.status, error.field, error.wait)


def refusal(
    code: str, message: str, status: int, field: str | None = None, wait: int | None = None
) -> Response:
    """The same from its parts: `field` is the wrong one, `wait` the seconds for Retry-After."""
    error = {"code": code, "message": message} | ({"field": field} if field else {})
    answer = make_response(jsonify(success=False, error=error), status)
    if wait is not None:
        answer.headers["Retry-After"] = str(wait)
    return answer
