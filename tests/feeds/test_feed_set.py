"""All feeds of an installation are started, stopped and queried together."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omcrm.feeds.feed_set import FeedActivity, FeedSet
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.poll_schedule import Polling
from omcrm.feeds.registry import POLLS, STREAMS
from omcrm.feeds.supervisor import FeedCallbacks
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.tick import Tick
from tests.processes import Exchange, wait_for
from tests.threads import Threads

NAMES = {
    "binance": {"btcusdt": "BTC"},
    "coinbase": {"BTC-USD": "BTC"},
    "coingecko": {"bitcoin": "BTC", "ethereum": "ETH"},
}


class Harness:
    """A feed set, its ticks and the symbols it asked `wanted` about."""

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
        """The sources that have brought a price."""
        return {tick.source.name for tick in list(self.ticks)}


MakeHarness = Callable[..., Harness]


@pytest.fixture
def make_harness(exchange: Exchange, tmp_path: Path) -> Iterator[MakeHarness]:
    """Makes feed sets with the exchange as upstream, and stops them after the test."""
    made: list[Harness] = []
    host = exchange.url.removeprefix("ws://")
    urls = {
        "binance": exchange.url,
        "coinbase": f"{exchange.url}/coinbase",
        "coingecko": f"http://{host}/coingecko/api/v3",
    }

    def make(*sources: str) -> Harness:
        made.append(Harness({name: urls[name] for name in sources}, tmp_path))
        return made[-1]

    yield make
    for started in made:
        started.feed_set.stop()


def test_only_sources_with_an_address_have_feeds(make_harness: MakeHarness) -> None:
    """A source without an address makes no feed, neither a stream nor a poller."""
    assert ["coinbase", "coingecko"] == list(make_harness("coinbase", "coingecko").feed_set.feeds)


def test_nothing_runs_before_the_start(make_harness: MakeHarness) -> None:
    """Making the feed set starts no thread."""
    harness = make_harness("binance", "coinbase", "coingecko")

    assert [] == harness.threads.new()
    assert {FeedState.STOPPED} == {feed.status().state for feed in harness.feed_set.feeds.values()}


def test_streams_and_polls_bring_prices(make_harness: MakeHarness) -> None:
    """After one start every source brings a price under its own name."""
    harness = make_harness("binance", "coinbase", "coingecko")
    harness.feed_set.start()

    wait_for(lambda: harness.sources() == NAMES.keys(), 15, "a price of each")


def test_a_source_is_polled_only_for_wanted_symbols(make_harness: MakeHarness) -> None:
    """`wanted` gets the source's name, and after a zero no call is made."""
    harness = make_harness("coingecko")
    harness.feed_set.start()
    wait_for(lambda: harness.ticks, 15, "a price")

    assert {("coingecko", "BTC"), ("coingecko", "ETH")} == harness.asked
    assert {"BTC"} == {tick.symbol for tick in harness.ticks}


def test_after_the_stop_nothing_runs(make_harness: MakeHarness) -> None:
    """Stopping waits for all threads; stopping or starting twice is harmless."""
    harness = make_harness("binance", "coinbase", "coingecko")
    harness.feed_set.start()
    harness.feed_set.start()
    wait_for(lambda: harness.sources() == NAMES.keys(), 15, "a price of each")
    harness.feed_set.stop()
    left = [name for name in harness.threads.new() if name.startswith("feed-")]
    harness.feed_set.stop()
    received = len(harness.ticks)

    assert [] == left
    harness.threads.wait()
    assert received == len(harness.ticks)


def test_status_has_every_source_of_the_settings(exchange: Exchange, tmp_path: Path) -> None:
    """A source without an address is off, and each has its type."""
    urls = {**dict.fromkeys((*STREAMS, *POLLS), ""), "binance": exchange.url}
    status = Harness(urls, tmp_path).feed_set.status()
    types = {name: item.type for name, item in status.items()}

    assert ({*STREAMS, *POLLS} - {"simulated"}) == status.keys()
    assert {FeedState.OFF} == {status[name].state for name in status.keys() - {"binance"}}
    assert not any(feed.active for feed in status.values())
    assert ("websocket", "websocket", "http") == (
        types["binance"],
        types["kraken"],
        types["coingecko"],
    )


def test_a_source_that_is_not_chosen_has_no_status(make_harness: MakeHarness) -> None:
    """With one source in the settings, the status has one."""
    assert {"binance"} == make_harness("binance").feed_set.status().keys()


def test_the_built_in_exchange_has_a_status_only_in_a_demo(
    exchange: Exchange, tmp_path: Path
) -> None:
    """Without its address the status does not have it."""
    reports = FeedCallbacks(lambda _: None, lambda *_: None, lambda _: None)
    parts = (reports, lambda: datetime.now(UTC), tmp_path, lambda *_: 0)
    demo = FeedSet(FeedSettings(urls={"simulated": exchange.url}), *parts)

    assert "simulated" in demo.status()
    assert "simulated" not in FeedSet(FeedSettings(), *parts).status()


def test_calls_are_counted_for_polled_sources(make_harness: MakeHarness) -> None:
    """Each budget has its use; a stream has no budgets."""
    harness = make_harness("binance", "coingecko")
    before = harness.feed_set.uses()
    harness.feed_set.start()
    wait_for(lambda: "coingecko" in harness.sources(), 15, "a price")
    after = harness.feed_set.uses()

    assert ["coingecko"] == list(before) == list(after)
    assert {0} == {budget.used for budget in before["coingecko"]}
    assert {1} == {budget.used for budget in after["coingecko"]}


# Activity


def status(active: bool) -> FeedStatus:
    return FeedStatus(state=FeedState.STREAMING, active=active, type="websocket")


def test_only_a_change_is_reported() -> None:
    """A source that starts or stops bringing prices has changed, not what happens in between."""
    activity = FeedActivity()
    course = [False, True, True, False, False, True]

    assert [False, True, False, True, False, True] == [
        activity.has_changed("binance", status(state)) for state in course
    ]


def test_each_source_changes_by_itself() -> None:
    """One source's activity does not affect another's."""
    activity = FeedActivity()
    activity.has_changed("binance", status(True))

    assert activity.has_changed("kraken", status(True))
    assert not activity.has_changed("binance", status(True))
