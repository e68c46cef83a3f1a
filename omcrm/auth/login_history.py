"""The page of one's own logins and failed attempts."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from omcrm.auth.access import current_caller, requires
from omcrm.storage.audit import logins_of

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
