"""The answer and the log line while the database cannot be used."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from omcrm.storage.health import first_line
from omcrm.storage.unavailable import is_unavailable
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.wire.error_code import ErrorCode

CODE = ErrorCode.DATABASE_UNAVAILABLE
MESSAGE = "The database cannot be used at the moment: try again in a few seconds."
RETRY_AFTER = 5
"""In seconds."""

_log = ThrottledLog(logging.getLogger(__name__))


def is_away(error: BaseException) -> bool:
    """Whether the error means that the database cannot be used now; logs it then.

    At most one line a second for the whole process: many requests fail at the same time.
    """
    if not isinstance(error, SQLAlchemyError) or not is_unavailable(error):
        return False
    note(first_line(error))
    return True


def note(problem: str) -> None:
    """Log why the database cannot be used, unless that was logged within the last second."""
    _log.warning("the database cannot be used: %s", problem)
