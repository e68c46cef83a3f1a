"""A recording of Binance through the engine, shown by two views that know the bus alone."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from omcrm.engine.bus import LocalBus
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_view import MarketView
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.provider import FrameContext
from omcrm.feeds.providers.binance.stream import Binance
from omcrm.market.bar import TIMEFRAMES
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import HealthState
from omcrm.market.tick import Tick
from tests.conftest import ManualClock
from tests.values import instrument, no_news

PAIRS = {"btcusdt": "BTC", "ethusdt": "ETH"}
# The source falls silent for so long after so many frames, and then goes on.
SILENT_AFTER, SILENT_FOR = 20_000, 15


def frames(folder: Path) -> Iterator[tuple[datetime, str]]:
    """The frames of both pairs in the order of their times."""
    lines = []
    for pair in PAIRS:
        with gzip.open(folder / f"spot_{pair}_20240808.gz", "rt") as file:
            lines += [line.partition(" ") for line in file]
    for time, _, frame in sorted(lines, key=lambda line: int(line[0])):
        yield datetime.fromtimestamp(int(time) / 1e9, UTC), frame


def shown(view: MarketView) -> dict[str, tuple[int, PriceClass, Quote]]:
    return {
        symbol: (quote.seq, quote.price_class, quote)
        for symbol, quote in view.cache.snapshot().items()
    }


def test_two_views_show_the_same_through_a_recording(
    market_data: Path, clock: ManualClock, tmp_path: Path
) -> None:
    """The same quotes, numbers, classes and bars at every step, through a silence as well."""
    bus, instruments = LocalBus(), [instrument(symbol) for symbol in PAIRS.values()]
    views = [MarketView(bus, 0.1, no_news()), MarketView(bus, 1.0, no_news())]
    engine = FeedEngine(bus, FeedSettings(), clock, state=tmp_path)
    for view in views:
        view.follow(instruments)
    engine.follow(instruments)
    provider = Binance("wss://127.0.0.1:1", ("trade", "bookTicker", "ticker"))
    names = dict(PAIRS)
    classes: set[PriceClass] = set()
    for number, (at, frame) in enumerate(frames(market_data / "binance" / "spot-2024-08-08")):
        clock.now = max(clock.now, at) if number else at
        if number == 0:
            for quote in engine.consolidator.set_health("binance", HealthState.HEALTHY, 1):
                bus.publish(quote)
        if number == SILENT_AFTER:
            clock.pass_seconds(SILENT_FOR)
            for quote in engine.consolidator.review():
                bus.publish(quote)
            classes.update(quote.price_class for quote in views[1].cache.snapshot().values())
        for event in provider.parse(frame, FrameContext(clock(), 1, names)):
            if isinstance(event, Tick):
                engine.take(event)
        if number % 1000 == 0 or number == SILENT_AFTER:
            assert shown(views[0]) == shown(views[1])
    classes.update(quote.price_class for quote in views[1].cache.snapshot().values())

    assert shown(views[0]) == shown(views[1])
    assert {"BTC", "ETH"} == shown(views[0]).keys()
    assert {PriceClass.STALE, PriceClass.LIVE} <= classes
    for symbol in PAIRS.values():
        for timeframe in TIMEFRAMES:
            bars = [view.bars.series(symbol, "binance", timeframe, 500) for view in views]

            assert bars[0] == bars[1] != []
