"""The faults of sources that are polled, as the product's clients read them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import AccessDenied, Event, FrameContext
from omcrm.feeds.registry import POLLS, polls
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.tick import Tick
from simulator.drill.setup import urls, venue_of

WEEK = timedelta(days=7)


def ask(running: Any, source: str) -> list[Event]:
    """What the client of a source reads from one answer."""
    settings = FeedSettings(urls=urls(f"ws://127.0.0.1:{running.port}"), keys=Keys(lambda _: "key"))
    provider = polls(settings)[source]
    names = {
        name: item.symbol
        for item in map(with_usual_names, CATALOGUE)
        if (name := item.provider_symbols.get(source))
    }
    call, fetcher = provider.calls(list(names))[0], Fetcher()
    try:
        arrival = FrameContext(datetime.now(UTC), 1, names)
        return list(provider.parse(call, fetcher.get(call), arrival))
    finally:
        fetcher.close()


def time_of(events: list[Event]) -> datetime:
    tick = next(event for event in events if isinstance(event, Tick))
    assert tick.trade is not None
    assert tick.trade.time is not None
    return tick.trade.time


@pytest.mark.parametrize("source", POLLS)
def test_every_call_is_refused(running, source: str) -> None:
    """At any polled source; when cleared, it answers again."""
    running.fault("refuse_calls", venue=venue_of(source), status=403)
    (refused,) = ask(running, source)
    running.clear()

    assert isinstance(refused, AccessDenied)
    assert 403 == refused.status
    assert time_of(ask(running, source))


@pytest.mark.parametrize("source", POLLS)
def test_answers_are_a_week_old(running, source: str) -> None:
    """The prices are those of now, and their times those of a week ago."""
    before = time_of(ask(running, source))
    running.fault("old_answers", venue=venue_of(source), days=7)
    old = time_of(ask(running, source))
    running.clear()
    after = time_of(ask(running, source))

    # Daily prices have the time of a trading day; the market may have traded meanwhile.
    assert before - WEEK <= old <= after - WEEK + timedelta(hours=1)
    assert before <= after


def test_streams_go_on_while_calls_are_refused(running) -> None:
    """Only calls are refused."""
    running.fault("refuse_calls", venue="finnhub", status=403)

    assert running.connect("/finnhub/?token=key").connected
