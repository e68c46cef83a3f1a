"""The answers to errors: pages for people, JSON for programs."""

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadHost, HTTPException, ServiceUnavailable

from omcrm.auth.access import refusal, refused, wants_json
from omcrm.errors import AccessRefused, EngineUnreached, LeaseLost
from omcrm.extensions import login_manager
from omcrm.storage.transaction import end_read
from omcrm.web import database_away
from omcrm.web.request_text import UnreadableText
from omcrm.wire.error_code import ErrorCode

_WORDS = {
    400: ("That request was not understood", "Go back, reload the page and try again."),
    403: ("This is not open to you", "Ask an administrator if you need it."),
    404: ("There is nothing here", "Check the address, or go to the desk."),
    405: ("That cannot be done here", "Go back and use the page's own buttons."),
    413: ("That was too large", "Send less at once."),
    429: ("Too many requests", "Wait a little and try again."),
    500: ("Something went wrong on our side", "It has been logged. Try again in a moment."),
    503: ("This does not work at the moment", "Try again in a few seconds."),
}

# In seconds: a standby has taken over by then.
_ENGINE_RETRY_AFTER = 5


def init_errors(app: Flask) -> None:
    """Register the handlers of all errors of the app."""
    app.register_error_handler(HTTPException, _answer)
    app.register_error_handler(SQLAlchemyError, _answer_database)
    app.register_error_handler(AccessRefused, refused)
    app.register_error_handler(EngineUnreached, _answer_engine)
    app.register_error_handler(LeaseLost, lambda _: _answer_engine(EngineUnreached()))


class _DatabaseAway(ServiceUnavailable):
    description = database_away.MESSAGE


def _answer_database(error: SQLAlchemyError) -> ResponseReturnValue:
    """503 while the database cannot be used; an error of a statement is raised: it is a bug."""
    if not database_away.is_away(error):
        raise error
    end_read()
    return _answer(_DatabaseAway(retry_after=database_away.RETRY_AFTER))


class _EngineAway(ServiceUnavailable):
    """The engine's process is ending, or its successor is starting."""


def _answer_engine(error: EngineUnreached) -> ResponseReturnValue:
    return _answer(_EngineAway(str(error), retry_after=_ENGINE_RETRY_AFTER))


def _answer(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    title, what_to_do = _WORDS.get(status, (error.name, "Go back and try again."))
    if isinstance(error, CSRFError):
        code, message = ErrorCode.CSRF_FAILED, error.description or "The CSRF token is missing."
        title, what_to_do = "This form has expired", "Reload the page and send it again."
    elif isinstance(error, _DatabaseAway):
        code, message = database_away.CODE, database_away.MESSAGE
    elif isinstance(error, _EngineAway):
        code, message = ErrorCode.UNAVAILABLE, str(error.description)
    elif isinstance(error, UnreadableText):
        code, message = ErrorCode.INVALID_PAYLOAD, str(error.description)
    else:
        code, message = ErrorCode(error.name.upper().replace(" ", "_")), title
    headers = [item for item in error.get_headers() if item[0] in ("Allow", "Retry-After")]
    # Without a host no page can be drawn: it has links.
    if wants_json() or isinstance(request.routing_exception, BadHost):
        answer = refusal(code, message, status, getattr(error, "field", None))
        answer.headers.extend(headers)
        return answer
    if status >= 500 or not _is_user_known():
        # Loading the user may be what failed: show the page as for nobody logged in.
        g._login_user = login_manager.anonymous_user()
    page = render_template(
        "errors/error.html", status=status, title=title, message=message, what_to_do=what_to_do
    )
    return page, status, headers


def _is_user_known() -> bool:
    """Whether the request's user, or that there is none, can be looked up now."""
    try:
        return current_user.is_authenticated is not None
    except SQLAlchemyError as error:
        if not database_away.is_away(error):
            raise
        return False
