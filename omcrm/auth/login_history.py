"""The page of one's own logins and failed attempts."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from omcrm.auth.access import current_caller, requires
from omcrm.storage.audit import failed_between_logins, logins_of

FAILED_LOGINS = "failed_logins"
"""Where the browser's session keeps the notice until a page shows it."""

_MOST = 50

blueprint = Blueprint("login_history", __name__)


@blueprint.get("/account/logins")
@requires(session_only=True, page=True)
def page() -> ResponseReturnValue:
    """The latest logins and failed attempts of the caller's account."""
    user_id = current_caller().user_id
    # Two queries: a thousand failed attempts do not push out the logins.
    entries = [*logins_of(user_id, "login", _MOST), *logins_of(user_id, "failed_login", _MOST)]
    entries.sort(key=lambda entry: entry.id, reverse=True)
    return render_template("auth/logins.html", entries=entries, most=_MOST)


def failed_notice(user_id: int) -> str | None:
    """The sentence about attempts that failed since the last login; None without any."""
    failed = failed_between_logins(user_id)
    if failed is None:
        return None
    attempts = "1 failed attempt" if failed.count == 1 else f"{failed.count} failed attempts"
    origin = f" from {failed.last_addr}" if failed.last_addr else ""
    return (
        f"{attempts} to log in to your account since your last login, "
        f"last at {failed.last_at:%Y-%m-%d %H:%M} UTC{origin}."
    )
