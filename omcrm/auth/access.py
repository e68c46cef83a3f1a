"""Who may see what: the guards of routes, and how they refuse."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from flask import abort, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from omcrm.auth.next_page import local_path
from omcrm.extensions import db
from omcrm.storage.audit import record

View = Callable[..., ResponseReturnValue]

_PAGES = ("/webtrader/", "/webtrader/dashboard")


def admin_required(view: View) -> View:
    """Let only admins in; a refusal of anybody who is logged in goes to the audit log."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not current_user.is_authenticated:
            return answer_unauthenticated()
        if not current_user.is_admin:
            return _refuse_admin_access()
        return view(*args, **kwargs)

    return guarded


def answer_unauthenticated() -> ResponseReturnValue:
    """A program is told so with 401; a person is sent to the login page and back afterwards."""
    if wants_json():
        return _refusal("AUTHENTICATION_REQUIRED", "You must log in first.", 401)
    # What was posted cannot be posted again by a redirect, so only pages are come back to.
    wanted = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else None
    return redirect(url_for("auth.login", next=local_path(wanted)))


def wants_json() -> bool:
    """Whether the caller reads JSON: every route of the desk but its page, or whoever says so."""
    if request.path.startswith("/webtrader/") and request.path not in _PAGES:
        return True
    # text/html first: it wins where a browser would take either.
    offered = ("text/html", "application/json")
    return request.is_json or request.accept_mimetypes.best_match(offered) == offered[1]


def _refuse_admin_access() -> ResponseReturnValue:
    record(
        "refused_admin_access",
        datetime.now(UTC),
        user_id=current_user.id,
        detail=f"{request.method} {request.path}",
        remote_addr=request.remote_addr,
    )
    db.session.commit()
    if not wants_json():
        abort(403)
    return _refusal("ADMIN_REQUIRED", "Only an admin may do this.", 403)


def _refusal(code: str, message: str, status: int) -> ResponseReturnValue:
    return jsonify(success=False, error={"code": code, "message": message}), status
