"""What strangers can cause as often as they like is told once a second."""

import logging
from types import SimpleNamespace

import pytest

from omcrm.streaming.seldom import Seldom

_log = logging.getLogger(__name__)


def test_one_line_a_second(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first at once; later ones say how many were left out."""
    now = 100.0
    monkeypatch.setattr("omcrm.streaming.seldom.time", SimpleNamespace(monotonic=lambda: now))
    seldom = Seldom(_log)
    for _ in range(1000):
        seldom.warning("%s was bad", "it")
    now += 1.0
    for _ in range(10):
        seldom.warning("%s was bad", "it")
    now += 60
    seldom.warning("%s was bad", "it")

    assert [
        "it was bad",
        "it was bad (and 999 more like it)",
        "it was bad (and 9 more like it)",
    ] == caplog.messages


def test_an_exception_comes_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """The one that is being handled, where its turn has come."""
    seldom = Seldom(_log)
    for number in range(3):
        try:
            raise ValueError(number)
        except ValueError:
            seldom.exception("failed")

    assert ["failed"] == caplog.messages
    assert isinstance(caplog.records[0].exc_info[1], ValueError)
    assert (0,) == caplog.records[0].exc_info[1].args


def test_the_kinds_share_a_turn(caplog: pytest.LogCaptureFixture) -> None:
    """A warning and an error of the same speaker are one line."""
    seldom = Seldom(_log)
    seldom.warning("a")
    try:
        raise ValueError
    except ValueError:
        seldom.exception("b")

    assert ["a"] == caplog.messages


def test_what_is_logged_is_no_format() -> None:
    """Values may hold anything."""
    Seldom(_log).warning("%s", "100 %s of %d")
