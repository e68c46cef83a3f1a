"""A loss of the bus is reported once, and so is the return."""

import logging

import pytest

from omcrm.engine.bus_condition import BusCondition
from tests.conftest import ManualClock


def reported(clock: ManualClock) -> tuple[BusCondition, list[str]]:
    reports: list[str] = []
    condition = BusCondition(
        "redis://bus", clock, lambda: reports.append("lost"), lambda: reports.append("joined")
    )
    return condition, reports


def test_a_loss_and_a_return_are_reported_once(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever thread finds them, with one line in the log for each."""
    condition, reports = reported(clock)
    began = clock()
    with caplog.at_level(logging.INFO):
        for seconds in (1, 2, 3):
            condition.note_lost("no answer")
            clock.pass_seconds(seconds)
        assert began == condition.lost_since
        condition.note_joined()
        condition.note_joined()

    assert None is condition.lost_since
    assert ["lost", "joined"] == reports
    assert [
        "the bus at redis://bus is lost: no answer",
        "joined the bus at redis://bus after 6.0 s",
    ] == [record.message for record in caplog.records]


def test_before_the_first_joining_it_is_lost(clock: ManualClock) -> None:
    """That is reported only where joining fails."""
    condition, reports = reported(clock)
    condition.begin()
    assert clock() == condition.lost_since
    assert [] == reports
    condition.note_lost("refused")
    condition.note_joined()

    assert ["lost", "joined"] == reports


def test_every_higher_token_is_reported_once(clock: ManualClock) -> None:
    """A handler that fails does not hurt the others."""
    condition, tokens = reported(clock)[0], list[int]()
    condition.on_higher_token(lambda token: 1 // 0)
    condition.on_higher_token(tokens.append)
    for token in (3, 3, 2, 5, 4):
        condition.note_token(token)

    assert [3, 5] == tokens
    assert 5 == condition.token
