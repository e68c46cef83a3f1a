import logging

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from omcrm.web import database_away


def test_one_line_a_second_for_all(caplog: pytest.LogCaptureFixture) -> None:
    """Many requests meet an unavailable database; that is logged without a traceback."""
    error = OperationalError("SELECT secret", None, Exception("gone\nfor good"))
    with caplog.at_level(logging.WARNING):
        assert all(database_away.is_away(error) for _ in range(1000))

    assert len(caplog.records) < 20
    assert "secret" not in caplog.text
    assert "for good" not in caplog.text
    assert "Traceback" not in caplog.text


def test_other_errors_are_not_handled(caplog: pytest.LogCaptureFixture) -> None:
    """They are left to the caller."""
    assert database_away.is_away(PoolTimeout("nobody gave a connection back"))
    assert not database_away.is_away(IntegrityError("", None, Exception("twice")))
    assert not database_away.is_away(ValueError("x"))
