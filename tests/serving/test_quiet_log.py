import logging

import pytest

from omcrm.serving.quiet_log import QuietLog


def test_warnings_and_failures_are_few(caplog: pytest.LogCaptureFixture) -> None:
    """Of many warnings in a row one is written, and of failures, which warnings do not hide."""
    log = QuietLog(logging.getLogger("test"))
    with caplog.at_level(logging.INFO, "test"):
        for number in range(100):
            log.warning("a stranger said %d%%", number)
            try:
                raise ValueError(number)
            except ValueError:
                log.exception("the app failed")

    assert ["a stranger said 0%", "the app failed"] == [
        record.getMessage() for record in caplog.records
    ]


def test_the_rest_is_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    """What strangers cannot cause is written as it is."""
    log = QuietLog(logging.getLogger("test"))
    with caplog.at_level(logging.DEBUG, "test"):
        log.debug("small")
        log.info("larger")
        log.info("larger")

    assert ["small", "larger", "larger"] == [record.getMessage() for record in caplog.records]
