"""A clock that is off ends no connection and is reported; a snapshot does not make a price new."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from omcrm.feeds.feed_set import FeedSet
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.feeds.registry import STREAMS
from omcrm.feeds.supervisor import FeedCallbacks
from omcrm.feeds.timing import SupervisorTiming
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.feed_event import FeedCode, FeedProblem
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.tick import Tick
from simulator.drill.setup import urls, venue_of
from tests.feeds.conftest import QUICK, RELAXED
from tests.processes import Exchange, wait_for

# Massive's currencies are silent outside of the week of their market.
SOURCES = tuple(name for name in STREAMS if name not in ("simulated", "massive_forex"))
FOLLOWED = [
    instrument
    for instrument in map(with_usual_names, CATALOGUE)
    if instrument.symbol in {"BTC", "ETH", "AAPL", "MSFT"}
]


class Feeds:
    """The feeds of some sources, their ticks, and the problems that were reported."""

    def __init__(
        self, exchange: Exchange, folder: Path, sources: tuple[str, ...], timing: SupervisorTiming
    ) -> None:
        self.ticks: list[Tick] = []
        self.reported: list[tuple[str, FeedProblem]] = []
        there = urls(exchange.url)
        self.feed_set = FeedSet(
            FeedSettings(
                urls={name: there[name] for name in sources}, keys=Keys(lambda name: "key")
            ),
            FeedCallbacks(
                self.ticks.append,
                lambda *_: None,
                lambda _: None,
                problem=lambda source, problem: self.reported.append((source, problem)),
            ),
            lambda: datetime.now(UTC),
            folder,
            lambda source, symbol: 0,
            timing,
        )
        for name, feed in self.feed_set.feeds.items():
            names = {
                instrument.provider_symbols[name]: instrument.symbol
                for instrument in FOLLOWED
                if name in instrument.provider_symbols
            }
            feed.follow(names, lambda: True)
        self.feed_set.start()

    def status(self) -> dict[str, FeedStatus]:
        return self.feed_set.status()

    def problems(self) -> dict[str, FeedProblem | None]:
        return {name: status.problem for name, status in self.status().items()}

    def reconnects(self) -> int:
        return sum(status.reconnects for status in self.status().values())

    def wait_for_prices(self, seconds: float = 3.0) -> None:
        """Wait until every source has brought several of each symbol, for so long at least."""
        until = time.monotonic() + seconds
        for name in self.feed_set.feeds:
            symbols = [item.symbol for item in FOLLOWED if name in item.provider_symbols]
            wait_for(lambda: all(self.count(name, symbol) >= 8 for symbol in symbols), what=name)  # noqa: B023
        time.sleep(max(0.0, until - time.monotonic()))

    def count(self, source: str, symbol: str) -> int:
        return sum((tick.source.name, tick.symbol) == (source, symbol) for tick in self.ticks)

    def wait_for_offsets(self, offsets: dict[str, float]) -> None:
        """Wait until the clock of every source is reported as that far off."""

        def are_reported() -> bool:
            problems = self.problems()
            return all(
                (problem := problems[name]) is not None
                and problem.code is FeedCode.CLOCK_OFF
                and abs((problem.figures.seconds or 0.0) - offset) < 1
                for name, offset in offsets.items()
            )

        wait_for(are_reported, what="the offsets to be reported")


@pytest.fixture
def start(exchange: Exchange, tmp_path: Path) -> Iterator[Callable[..., Feeds]]:
    """Starts the feeds of sources, and stops them after the test."""
    started: list[Feeds] = []

    def start(*sources: str, timing: SupervisorTiming = RELAXED) -> Feeds:
        started.append(Feeds(exchange, tmp_path, sources, timing))
        return started[-1]

    yield start
    for feeds in started:
        feeds.feed_set.stop()


def test_each_clock_is_compared(start: Callable[..., Feeds], exchange: Exchange) -> None:
    """Whatever a source's clock is set to is reported with its figure, and ends no connection."""
    feeds = start(*SOURCES)
    feeds.wait_for_prices()
    offsets = {name: 20.0 + 5.0 * number for number, name in enumerate(SOURCES)}
    for name, offset in offsets.items():
        exchange.fault("skewed_clock", venue=venue_of(name), seconds=offset)
    feeds.wait_for_offsets(offsets)
    streaming = {status.state for status in feeds.status().values()}
    reported = sorted(
        name for name, problem in feeds.reported if problem.code is FeedCode.CLOCK_OFF
    )
    exchange.clear()
    wait_for(lambda: not any(feeds.problems().values()), what="the clocks to be right")

    assert {FeedState.STREAMING} == streaming
    assert sorted(SOURCES) == reported
    assert 0 == feeds.reconnects()


def test_the_offset_of_all_is_this_machines(
    start: Callable[..., Feeds], exchange: Exchange
) -> None:
    """Where all sources are as far off, it is this machine's clock; that is reported once."""
    for name in SOURCES:
        exchange.fault("skewed_clock", venue=venue_of(name), seconds=30.0)
    feeds = start(*SOURCES)
    wait_for(
        lambda: (
            {FeedCode.OWN_CLOCK_OFF}
            == {problem and problem.code for problem in feeds.problems().values()}
        ),
        what="the clock to be reported",
    )
    own = [problem for _, problem in feeds.reported if problem.code is FeedCode.OWN_CLOCK_OFF]
    sentences = {status.last_error for status in feeds.status().values()}

    assert 1 == len(own)
    assert -31 < (own[0].figures.seconds or 0) < -10
    assert all("this machine's clock is off by -" in str(sentence) for sentence in sentences)


@pytest.mark.parametrize("source", ["binance", "finnhub", "alpaca"])
def test_a_clock_that_is_set_back_ends_no_connection(
    source: str, start: Callable[..., Feeds], exchange: Exchange
) -> None:
    """Its ticks are late for a second or two, and then no longer."""
    feeds = start(source)
    feeds.wait_for_prices()
    exchange.fault("skewed_clock", venue=venue_of(source), seconds=-60.0)
    feeds.wait_for_offsets({source: -60.0})
    time.sleep(7)
    wait_for(lambda: not any(tick.late for tick in feeds.ticks[-5:]), what="ticks on time")

    assert 0 == feeds.reconnects()


@pytest.mark.parametrize("source", ["coinbase", "kraken", "okx"])
def test_a_replacement_that_brings_only_a_snapshot_makes_no_price_new(
    source: str, start: Callable[..., Feeds], exchange: Exchange
) -> None:
    """It is no newer than the last price before the upstream went silent."""
    timeouts = structs.replace(QUICK.timeouts, no_data_least=2.5, no_data_most=2.5)
    feeds = start(source, timing=structs.replace(QUICK, timeouts=timeouts))
    feeds.wait_for_prices()
    exchange.fault("mute", venue=venue_of(source))
    # A quiet moment may have ended the first connection before.
    muted = feeds.ticks[-1].connection
    wait_for(lambda: feeds.ticks[-1].connection > muted, what="a snapshot")
    time.sleep(0.5)
    ticks = list(feeds.ticks)
    streamed_at = max(tick.received_at for tick in ticks if tick.connection <= muted)
    snapshots = [tick for tick in ticks if tick.connection > muted]
    newest = max(tick.received_at - tick.late for tick in snapshots)
    exchange.clear()
    wait_for(lambda: not feeds.ticks[-1].late, what="the stream to go on")

    assert newest <= streamed_at + timedelta(seconds=0.1)
