"""Events that any client can cause are logged at most one time a second."""

import logging
from types import SimpleNamespace

import pytest

from omcrm.streaming.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)


def test_one_line_a_second(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first at once; later ones count the lines left out."""
    now = 100.0
    monkeypatch.setattr(
        "omcrm.streaming.throttled_log.time", SimpleNamespace(monotonic=lambda: now)
    )
    throttled = ThrottledLog(_log)
    for _ in range(1000):
        throttled.warning("%s was bad", "it")
    now += 1.0
    for _ in range(10):
        throttled.warning("%s was bad", "it")
    now += 60
    throttled.warning("%s was bad", "it")

    assert [
        "it was bad",
        "it was bad (and 999 more like it)",
        "it was bad (and 9 more like it)",
    ] == caplog.messages


def test_an_exception_comes_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """The current exception is logged, within the same rate."""
    throttled = ThrottledLog(_log)
    for number in range(3):
        try:
            raise ValueError(number)
        except ValueError:
            throttled.exception("failed")

    assert ["failed"] == caplog.messages
    assert isinstance(caplog.records[0].exc_info[1], ValueError)
    assert (0,) == caplog.records[0].exc_info[1].args


def test_warnings_and_errors_share_the_limit(caplog: pytest.LogCaptureFixture) -> None:
    """A warning and an error of the same log are one line."""
    throttled = ThrottledLog(_log)
    throttled.warning("a")
    try:
        raise ValueError
    except ValueError:
        throttled.exception("b")

    assert ["a"] == caplog.messages


def test_values_are_not_formatted_again() -> None:
    """Values may contain any text."""
    ThrottledLog(_log).warning("%s", "100 %s of %d")
