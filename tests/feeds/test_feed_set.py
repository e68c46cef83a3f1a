"""All sources of an installation are started, stopped and asked about together."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omcrm.feeds.feed_set import FeedActivity, FeedSet
from omcrm.feeds.poller import Polling
from omcrm.feeds.registry import POLLS, STREAMS, FeedSettings
from omcrm.feeds.status import FeedState, FeedStatus
from omcrm.feeds.supervisor import FeedCallbacks
from omcrm.market.tick import Tick
from tests.processes import Exchange, wait_for
from tests.threads import Threads

NAMES = {
    "binance": {"btcusdt": "BTC"},
    "coinbase": {"BTC-USD": "BTC"},
    "coingecko": {"bitcoin": "BTC", "ethereum": "ETH"},
}


class Told:
    """A lineup, what it brought and what it asked."""

    def __init__(self, urls: dict[str, str], folder: Path) -> None:
        self.ticks: list[Tick] = []
        self.asked: set[tuple[str, str]] = set()
        self.threads = Threads()
        reports = FeedCallbacks(self.ticks.append, lambda *_: None, lambda _: None)
        self.feed_set = FeedSet(
            FeedSettings(urls=urls),
            reports,
            lambda: datetime.now(UTC),
            folder / "state",
            self._wanted,
            polling=Polling(interval=60, batch=50),
        )
        for name, feed in self.feed_set.feeds.items():
            feed.follow(NAMES[name], lambda: True)

    def _wanted(self, source: str, symbol: str) -> int:
        self.asked.add((source, symbol))
        return int(symbol == "BTC")

    def sources(self) -> set[str]:
        """Who has brought a price of anything."""
        return {tick.source.name for tick in list(self.ticks)}


Line = Callable[..., Told]


@pytest.fixture
def line_up(exchange: Exchange, tmp_path: Path) -> Iterator[Line]:
    """Makes lineups of sources that the exchange stands for, and stops them after the test."""
    made: list[Told] = []
    host = exchange.url.removeprefix("ws://")
    urls = {
        "binance": exchange.url,
        "coinbase": f"{exchange.url}/coinbase",
        "coingecko": f"http://{host}/coingecko/api/v3",
    }

    def make(*sources: str) -> Told:
        made.append(Told({name: urls[name] for name in sources}, tmp_path))
        return made[-1]

    yield make
    for harness in made:
        harness.feed_set.stop()


def test_only_who_has_an_address_is_there(line_up: Line) -> None:
    """A source without one costs nothing, whichever way its prices come."""
    assert ["coinbase", "coingecko"] == list(line_up("coinbase", "coingecko").feed_set.feeds)


def test_nothing_runs_before_the_start(line_up: Line) -> None:
    """Making the lineup connects nowhere."""
    told = line_up("binance", "coinbase", "coingecko")

    assert [] == told.threads.new()
    assert {FeedState.STOPPED} == {feed.status().state for feed in told.feed_set.feeds.values()}


def test_those_that_push_and_those_that_are_asked_bring_prices(line_up: Line) -> None:
    """After one start every source speaks, each by its own name."""
    told = line_up("binance", "coinbase", "coingecko")
    told.feed_set.start()

    wait_for(lambda: told.sources() == NAMES.keys(), 15, "a price of each")


def test_a_source_is_asked_only_for_what_is_wanted(line_up: Line) -> None:
    """The question carries the source's name, and a zero means that nothing is asked."""
    told = line_up("coingecko")
    told.feed_set.start()
    wait_for(lambda: told.ticks, 15, "a price")

    assert {("coingecko", "BTC"), ("coingecko", "ETH")} == told.asked
    assert {"BTC"} == {tick.symbol for tick in told.ticks}


def test_after_the_stop_nothing_runs(line_up: Line) -> None:
    """Stopping waits for all threads; stopping or starting twice is harmless."""
    told = line_up("binance", "coinbase", "coingecko")
    told.feed_set.start()
    told.feed_set.start()
    wait_for(lambda: told.sources() == NAMES.keys(), 15, "a price of each")
    told.feed_set.stop()
    left = [name for name in told.threads.new() if name.startswith("feed-")]
    told.feed_set.stop()
    heard = len(told.ticks)

    assert [] == left
    told.threads.wait()
    assert heard == len(told.ticks)


def test_status_has_every_source_that_may_be_asked(exchange: Exchange, tmp_path: Path) -> None:
    """Who has no address is off, and each says how its prices would come."""
    urls = {**dict.fromkeys((*STREAMS, *POLLS), ""), "binance": exchange.url}
    status = Told(urls, tmp_path).feed_set.status()
    types = {name: item.type for name, item in status.items()}

    assert ({*STREAMS, *POLLS} - {"simulated"}) == status.keys()
    assert {FeedState.OFF} == {status[name].state for name in status.keys() - {"binance"}}
    assert not any(feed.active for feed in status.values())
    assert ("websocket", "websocket", "http") == (
        types["binance"],
        types["kraken"],
        types["coingecko"],
    )


def test_who_was_not_chosen_is_not_told(line_up: Line) -> None:
    """An operator who chose one source reads of one."""
    assert {"binance"} == line_up("binance").feed_set.status().keys()


def test_the_built_in_exchange_is_told_only_where_there_is_one(
    exchange: Exchange, tmp_path: Path
) -> None:
    """An installation that is no demonstration does not speak of it."""
    reports = FeedCallbacks(lambda _: None, lambda *_: None, lambda _: None)
    parts = (reports, lambda: datetime.now(UTC), tmp_path, lambda *_: 0)
    demo = FeedSet(FeedSettings(urls={"simulated": exchange.url}), *parts)

    assert "simulated" in demo.status()
    assert "simulated" not in FeedSet(FeedSettings(), *parts).status()


def test_calls_are_counted_for_those_that_are_asked(line_up: Line) -> None:
    """Each budget tells its use; a stream has none."""
    told = line_up("binance", "coingecko")
    before = told.feed_set.uses()
    told.feed_set.start()
    wait_for(lambda: "coingecko" in told.sources(), 15, "a price")
    after = told.feed_set.uses()

    assert ["coingecko"] == list(before) == list(after)
    assert {0} == {budget.used for budget in before["coingecko"]}
    assert {1} == {budget.used for budget in after["coingecko"]}


# Turns


def status(active: bool) -> FeedStatus:
    return FeedStatus(state=FeedState.STREAMING, active=active, type="websocket")


def test_only_a_change_is_news() -> None:
    """A source that begins or ceases to bring prices, not what it does in between."""
    turns = FeedActivity()
    course = [False, True, True, False, False, True]

    assert [False, True, False, True, False, True] == [
        turns.has_changed("binance", status(state)) for state in course
    ]


def test_sources_turn_one_by_one() -> None:
    """What one does says nothing about another."""
    turns = FeedActivity()
    turns.has_changed("binance", status(True))

    assert turns.has_changed("kraken", status(True))
    assert not turns.has_changed("binance", status(True))
