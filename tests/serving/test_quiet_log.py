import logging

import pytest

from omcrm.serving.quiet_log import QuietLog


def test_warnings_and_exceptions_are_throttled(caplog: pytest.LogCaptureFixture) -> None:
    """One of many warnings is written, and one exception, whatever the warnings."""
    log = QuietLog(logging.getLogger("test"))
    with caplog.at_level(logging.INFO, "test"):
        for number in range(100):
            log.warning("a client sent %d%%", number)
            try:
                raise ValueError(number)
            except ValueError:
                log.exception("the app failed")

    assert ["a client sent 0%", "the app failed"] == [
        record.getMessage() for record in caplog.records
    ]


def test_other_records_are_forwarded(caplog: pytest.LogCaptureFixture) -> None:
    """Records that clients cannot cause are written as they are."""
    log = QuietLog(logging.getLogger("test"))
    with caplog.at_level(logging.DEBUG, "test"):
        log.debug("small")
        log.info("larger")
        log.info("larger")

    assert ["small", "larger", "larger"] == [record.getMessage() for record in caplog.records]
