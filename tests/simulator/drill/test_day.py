from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from omcrm.feeds.keys import Keys
from omcrm.feeds.poll_schedule import Polling, PollSchedule
from omcrm.feeds.poller import Poller
from omcrm.feeds.providers.alpha_vantage.poll import AlphaVantage
from omcrm.feeds.quota import CallCounts
from omcrm.feeds.supervisor import FeedCallbacks
from omcrm.feeds.timing import ORDINARY
from simulator.drill.day import _excesses, run_day

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.outside
def test_some_minutes_of_faults(tmp_path: Path) -> None:
    """Nothing wrong is shown, no budget is exceeded, and every source is healthy at the end."""
    day = run_day(0.02, 4.0, 24.0, 3, tmp_path, lambda hour: None)

    assert 3 == sum(day.played.values())
    assert () == day.wrong
    assert () == day.excesses
    assert day.healthy is not None


def test_too_many_calls_are_an_excess(tmp_path: Path) -> None:
    """Counted by the provider, in the budget's own periods."""
    keys = Keys(lambda name: "")
    provider = AlphaVantage("http://127.0.0.1:9", keys)
    reports = FeedCallbacks(lambda tick: None, lambda *_: None, lambda name: None)
    schedule = PollSchedule(Polling(), provider.limits, lambda name: 1)
    poller = Poller(provider, reports, lambda: NOON, CallCounts(tmp_path), keys, schedule, ORDINARY)
    setup = SimpleNamespace(manager=SimpleNamespace(feeds=lambda: {"alpha_vantage": poller}))
    calls = [NOON + timedelta(seconds=10 * number) for number in range(6)]
    excesses = list(_excesses(setup, {"alpha_vantage": calls}))

    assert [(6, 5, "minute", NOON)] == [
        (excess.calls, excess.budget.calls, excess.budget.period, excess.began)
        for excess in excesses
    ]
    assert [] == list(_excesses(setup, {"alpha_vantage": calls[:5]}))
