"""How errors are answered: in the page's dress to people, as JSON to programs."""

from flask import Flask, g, jsonify, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from omcrm.auth.access import wants_json
from omcrm.extensions import login_manager

_WORDS = {
    400: ("That request was not understood", "Go back, reload the page and try again."),
    403: ("This is not open to you", "Ask an administrator if you need it."),
    404: ("There is nothing here", "Check the address, or go to the desk."),
    405: ("That cannot be done here", "Go back and use the page's own buttons."),
    413: ("That was too large", "Send less at once."),
    429: ("Too many requests", "Wait a little and try again."),
    500: ("Something went wrong on our side", "It has been logged. Try again in a moment."),
}


def init_errors(app: Flask) -> None:
    """Answer every error of the app in its own words."""
    app.register_error_handler(HTTPException, _answer)


def _answer(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    title, what_to_do = _WORDS.get(status, (error.name, "Go back and try again."))
    if isinstance(error, CSRFError):
        code, message = "CSRF_FAILED", error.description or "The CSRF token is missing."
        title, what_to_do = "This form has expired", "Reload the page and send it again."
    else:
        code, message = error.name.upper().replace(" ", "_"), title
    headers = [item for item in error.get_headers() if item[0] in ("Allow", "Retry-After")]
    if wants_json():
        return jsonify(success=False, error={"code": code, "message": message}), status, headers
    if status == 500:
        # What failed may be what tells who asks: the page is a stranger's.
        g._login_user = login_manager.anonymous_user()
    page = render_template(
        "errors/error.html", status=status, title=title, message=message, what_to_do=what_to_do
    )
    return page, status, headers
