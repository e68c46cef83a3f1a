"""Healthy sources are live all the time in which their markets are open, and never outside of it.

Two recordings of another day, redated, and a simulated week with nights, a weekend, a holiday and
an early close, both on a virtual clock.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from omcrm.feeds.feed_latency import FeedLatency
from omcrm.feeds.provider import FrameContext
from omcrm.feeds.providers.binance.stream import Binance
from omcrm.feeds.source_clock import SourceClock
from omcrm.feeds.watchdog import Watchdog, WatchdogTimeouts
from omcrm.market.consolidator import Consolidator
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import LOOK_AHEAD
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.session import is_open, session_state
from omcrm.market.source import HealthState, Source
from omcrm.market.tick import Tick, TopOfBook, Trade
from omcrm.market.trade_condition import VOLUME_ONLY
from omcrm.market.validation import Validator
from simulator.recording import NANOSECONDS, RecordedEvent, Recording
from simulator.redating import Redating
from simulator.replay import TIMES
from tests.conftest import ManualClock
from tests.feeds.virtual_feed import VirtualClock
from tests.values import instrument

REVIEW = 0.5
LEAST = 0.999


class Watched:
    """Followed instruments: for how many seconds each price was of which class, while its market
    was open and while it was not."""

    def __init__(self, instruments: list[Instrument], sources: list[str], began: datetime) -> None:
        self.clock = ManualClock()
        self.clock.now = self.began = began
        self.open: dict[str, Counter[PriceClass]] = {}
        self.closed: dict[str, Counter[PriceClass]] = {}
        self.reconnects = 0
        self._instruments = instruments
        self._consolidator = Consolidator(self.clock, Validator())
        self._consolidator.follow(instruments)
        self._quotes: dict[str, Quote] = {}
        own = VirtualClock().own()
        self._clocks = {name: SourceClock(name, own) for name in sources}
        self._latency: dict[str, FeedLatency] = {}
        self.connections = dict.fromkeys(sources, 0)
        for name in sources:
            self.connect(name)

    def connect(self, name: str) -> None:
        """Have a new connection of a source replace the one before."""
        self.connections[name] += 1
        self._latency[name] = FeedLatency(self._clocks[name])
        quotes = self._consolidator.set_health(
            name, HealthState.HEALTHY, self.connections[name], LOOK_AHEAD
        )
        self._show(*quotes)

    def take(self, tick: Tick) -> None:
        """Receive a tick now."""
        latency, now = self._latency[tick.source.name], self.seconds()
        tick = tick.dated(latency.measure(tick.stamp, now))
        self.reconnects += bool(tick.late) and latency.is_lasting(now)
        self._show(self._consolidator.apply(tick, LOOK_AHEAD))

    def review(self, seconds: float) -> None:
        """Review the quotes; what is shown then counts for so many seconds."""
        self._show(*self._consolidator.review(LOOK_AHEAD))
        for item in self._instruments:
            quote = self._quotes.get(item.symbol)
            counts = self.open if is_open(item.calendar, self.clock.now) else self.closed
            if quote is not None:
                counts.setdefault(item.symbol, Counter())[quote.price_class] += seconds

    def seconds(self) -> float:
        """How many have passed."""
        return (self.clock.now - self.began).total_seconds()

    def share(self, symbol: str) -> float:
        """For which part of the open time the price was live."""
        shown = self.open[symbol]
        return shown[PriceClass.LIVE] / shown.total()

    def _show(self, *quotes: Quote | None) -> None:
        self._quotes.update({quote.symbol: quote for quote in quotes if quote is not None})


# Two recordings of another day

STREAMS = ("trade", "bookTicker")
PAIRS = {"btcusdt": "BTC", "ethusdt": "ETH"}


def recorded(market_data: Path, seconds: float) -> tuple[int, Iterator[RecordedEvent]]:
    """When the recordings began, and their events of the first seconds of the streams that are
    subscribed."""
    folder = market_data / "binance" / "spot-2024-08-08"
    recording = Recording.open(sorted(folder.glob("*.gz")))
    first = recording.first or 0
    end = first + round(seconds * NANOSECONDS)
    wanted = {f"{pair}@{stream}" for pair in PAIRS for stream in STREAMS}
    return first, (
        event for event in recording.play() if event.time <= end and event.stream in wanted
    )


def replayed(market_data: Path, seconds: float, speed: float) -> Watched:
    """The recordings as they happen now, so many times as fast."""
    first, events = recorded(market_data, seconds)
    binance = Binance("wss://stream.binance.com:9443", STREAMS)
    watched = Watched(
        [instrument(symbol) for symbol in PAIRS.values()], ["binance"], ManualClock()()
    )
    redating, watchdog = Redating(first, speed), Watchdog(WatchdogTimeouts(), 0.0)
    began, reviewed_at = round(watched.began.timestamp() * NANOSECONDS), 0.0
    for event in events:
        second = (event.time - first) / NANOSECONDS / speed
        while reviewed_at + REVIEW <= second:
            reviewed_at += REVIEW
            watched.clock.now = watched.began + timedelta(seconds=reviewed_at)
            watched.reconnects += watchdog.check(reviewed_at, expects_data=True) is not None
            watched.review(REVIEW)
        watched.clock.now = watched.began + timedelta(seconds=second)
        redating.follow(event.time, began + round(second * NANOSECONDS))
        frame = redating.redated(event.wrapped or event.data, TIMES)
        watchdog.frame(second)
        for item in binance.parse(frame, FrameContext(watched.clock.now, 1, PAIRS)):
            assert isinstance(item, Tick)
            watchdog.data(second)
            watched.take(item)
    return watched


@pytest.mark.parametrize(
    ("seconds", "speed"),
    [
        (40, 1),
        pytest.param(346, 1, marks=pytest.mark.long),
        pytest.param(346, 10, marks=pytest.mark.long),
    ],
)
def test_redated_recordings_are_live(market_data: Path, seconds: float, speed: float) -> None:
    """The busiest pair and a quieter one, from their first price on."""
    watched = replayed(market_data, seconds, speed)
    shares = {symbol: watched.share(symbol) for symbol in PAIRS.values()}

    assert {} == {symbol: share for symbol, share in shares.items() if share < LEAST}
    assert all(shown.total() >= seconds / speed - 2 for shown in watched.open.values())
    assert 0 == watched.reconnects


# A week

# Christmas Eve is an early close of shares, Christmas a holiday of shares and of currencies.
MONDAY = datetime(2026, 12, 21, 15, 0, tzinfo=UTC)
WEEK = 7 * 86_400.0
# So far around an open or a close every half second is played.
AROUND = 20.0
LIVE = PriceClass.LIVE
SYMBOLS = [
    instrument("BTC", AssetClass.CRYPTO, {"binance": "X", "coinbase": "X"}),
    instrument("AAPL", AssetClass.STOCK, {"finnhub": "X", "alpaca": "X"}),
    instrument("EURUSD", AssetClass.FOREX, {"kraken": "X", "massive_forex": "X"}),
]
SOURCES = {name: Source(name, LIVE) for item in SYMBOLS for name in item.provider_symbols}


class Week:
    """A week of healthy sources: each sends after a random time, what its market sends then."""

    def __init__(self, seed: int) -> None:
        self.watched = Watched(SYMBOLS, list(SOURCES), MONDAY)
        self._chance = random.Random(seed)
        self._prices = {item.symbol: 100.0 for item in SYMBOLS}
        self._due = dict.fromkeys(SOURCES, 0.0)
        self._number = 0

    def play(self, pause: float) -> Watched:
        """Play it; away from opens and closes, after half a second for every `pause` seconds."""
        watched, second, day = self.watched, 0.0, 0
        while second < WEEK:
            moment = MONDAY + timedelta(seconds=second)
            step = REVIEW if self._is_at_an_edge(moment) else max(REVIEW, pause)
            second += step
            if second // 86_400 > day:
                day += 1
                for name in SOURCES:
                    watched.connect(name)
            self._send(second)
            watched.clock.now = MONDAY + timedelta(seconds=second)
            watched.review(step)
        return watched

    def _is_at_an_edge(self, moment: datetime) -> bool:
        for item in SYMBOLS:
            state = session_state(item.calendar, moment)
            edge = state.closes_at or state.opens_at
            before = session_state(item.calendar, moment - timedelta(seconds=AROUND))
            if before.is_open is not state.is_open:
                return True
            if edge is not None and (edge - moment).total_seconds() < AROUND + 60:
                return True
        return False

    def _send(self, until: float) -> None:
        """Send what is due in the half second before."""
        for item in SYMBOLS:
            self._prices[item.symbol] *= 1 + self._chance.gauss(0, 0.00005)
            for name in item.provider_symbols:
                due = max(self._due[name], until - REVIEW)
                while due < until:
                    self._send_tick(item, SOURCES[name], due)
                    due += self._chance.expovariate(1.0)
                self._due[name] = due

    def _send_tick(self, item: Instrument, source: Source, second: float) -> None:
        arrives = MONDAY + timedelta(seconds=second)
        sent = arrives - timedelta(seconds=self._chance.uniform(0.02, 0.2))
        trade, book = self._parts(item, source, sent)
        if trade is None and book is None:
            return
        self.watched.clock.now = arrives
        connection = self.watched.connections[source.name]
        self.watched.take(Tick(item.symbol, source, arrives, connection, trade, book))

    def _parts(
        self, item: Instrument, source: Source, sent: datetime
    ) -> tuple[Trade | None, TopOfBook | None]:
        self._number += 1
        price = self._prices[item.symbol] * (1 + self._chance.gauss(0, 0.00005))
        state = session_state(item.calendar, sent)
        if item.asset_class is AssetClass.FOREX:
            # One quotes round the clock, and the other banks as long as they do.
            is_quoted = state.is_open or source.name == "kraken"
            return None, _book(price, 0, sent) if is_quoted else None
        if item.asset_class is AssetClass.CRYPTO:
            return Trade(_decimal(price), None, self._number, sent), _book(price, self._number)
        if state.session == "closed":
            return None, None
        trade = Trade(_decimal(price), Decimal(1), time=sent)
        if not state.is_open:
            trade = Trade(_decimal(price), Decimal(1), time=sent, updates=VOLUME_ONLY)
        return trade, None


def _book(price: float, number: int, time: datetime | None = None) -> TopOfBook:
    bid, ask = _decimal(price * 0.9999), _decimal(price * 1.0001)
    return TopOfBook(bid, ask, id=number or None, time=time)


def _decimal(price: float) -> Decimal:
    return Decimal(f"{price:.4f}")


@pytest.mark.parametrize("pause", [60.0, pytest.param(4.0, marks=pytest.mark.long)])
def test_a_week_is_live_while_markets_are_open_and_closed_outside(pause: float) -> None:
    """Half a second of every minute, or of four, and all of them at opens and closes."""
    watched = Week(1).play(pause)
    shares = {item.symbol: watched.share(item.symbol) for item in SYMBOLS}

    assert {} == {symbol: share for symbol, share in shares.items() if share < LEAST}
    assert {"AAPL", "EURUSD"} == watched.closed.keys()
    assert {PriceClass.CLOSED} == {kind for shown in watched.closed.values() for kind in shown}
    assert 0 == watched.reconnects


def test_the_week_has_the_hours_of_christmas() -> None:
    """Twenty-three hours of shares, and currencies until Christmas and again on Sunday."""
    watched = Week(1).play(600.0)
    hours = {symbol: shown.total() / 3600 for symbol, shown in watched.open.items()}

    assert {"BTC": 168, "AAPL": 23, "EURUSD": 103} == {
        symbol: pytest.approx(total, abs=0.5) for symbol, total in hours.items()
    }
