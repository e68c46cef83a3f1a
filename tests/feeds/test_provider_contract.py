"""The contract of every streaming provider, tried with the samples of its folder of tests."""

import math
import random
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import (
    AccessDenied,
    Acknowledged,
    Authenticated,
    ClosingSoon,
    FrameContext,
    RequestRejected,
    StreamLimits,
    StreamProvider,
    UnknownCondition,
    Unreadable,
)
from omcrm.feeds.providers._template.stream import Template
from omcrm.feeds.registry import STREAMS, streams
from omcrm.market.policy import POLICIES
from omcrm.market.source import Source
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.trade_condition import TradeUpdates
from omcrm.market.validation import Validator
from tests.feeds.bad_frames import monsters, mutated
from tests.feeds.samples import stream_samples
from tests.values import START

EVENTS = (
    *(Tick, Acknowledged, RequestRejected, Authenticated, AccessDenied, ClosingSoon, Unreadable),
    UnknownCondition,
)
KEY = "an-example-key"
SETTINGS = FeedSettings(
    urls=dict.fromkeys(STREAMS, "ws://127.0.0.1:9"), keys=Keys(lambda name: KEY)
)
(POLICY, *_) = POLICIES.values()

PROVIDERS = {**streams(SETTINGS), "_template": Template("ws://127.0.0.1:9")}


@pytest.fixture(params=PROVIDERS)
def folder(request: pytest.FixtureRequest) -> str:
    """The folder of each provider in turn."""
    return str(request.param)


@pytest.fixture
def provider(folder: str) -> StreamProvider:
    """The provider."""
    return PROVIDERS[folder]


@pytest.fixture
def arrival(folder: str) -> FrameContext:
    """The context of the provider's frames, which are about BTC."""
    return FrameContext(START, 3, {stream_samples(folder).name: "BTC"})


@pytest.fixture
def samples(folder: str) -> tuple[str, ...]:
    """The provider's frames."""
    return stream_samples(folder).frames


# Data and pure functions


def test_has_a_source_and_limits(provider: StreamProvider) -> None:
    """A provider has a source and the limits of its upstream."""
    limits = provider.limits

    assert isinstance(provider.source, Source)
    assert isinstance(limits, StreamLimits)
    assert limits.symbols >= 1
    assert limits.frame_spacing >= 0
    assert limits.replace_after is None or limits.replace_after > 0


def test_has_the_address_of_a_websocket(provider: StreamProvider) -> None:
    """The address is that of a WebSocket, and is the same each time."""
    assert urlsplit(provider.url()).scheme in ("ws", "wss")
    assert provider.url() == provider.url()


def test_subscribes_by_text_frames(provider: StreamProvider) -> None:
    """Subscribing and unsubscribing are text frames with the names."""
    names = ["BTC-USD", "ETH-USD"]

    for frames in (provider.subscribe(iter(names), 1), provider.unsubscribe(iter(names), 2)):
        assert frames
        assert all(isinstance(frame, str) for frame in frames)
        assert all(any(name in frame for frame in frames) for name in names)


def test_has_its_key_and_opening_frames(provider: StreamProvider) -> None:
    """With its key nothing is missing, and its opening frames are text."""
    assert provider.missing() is None
    assert all(isinstance(message, str) for message in provider.opening())
    assert isinstance(provider.authenticates, bool)
    assert KEY == provider.api_key() or not provider.api_key()


def test_subscribe_is_a_pure_function(provider: StreamProvider) -> None:
    """The same arguments give the same frames."""
    assert provider.subscribe(["btcusdt"], 1) == provider.subscribe(["btcusdt"], 1)


# Parsing


def test_samples_are_understood(
    provider: StreamProvider, samples: tuple[str, ...], arrival: FrameContext
) -> None:
    """Every sample is readable, and some bring prices."""
    events = [event for sample in samples for event in provider.parse(sample, arrival)]

    assert [] == [event for event in events if isinstance(event, Unreadable)]
    assert [event for event in events if isinstance(event, Tick) and (event.trade or event.book)]


def test_text_and_bytes_are_the_same(
    provider: StreamProvider, samples: tuple[str, ...], arrival: FrameContext
) -> None:
    """A frame makes the same events as text and as bytes."""
    for sample in samples:
        assert list(provider.parse(sample, arrival)) == list(
            provider.parse(sample.encode(), arrival)
        )


def test_ticks_have_their_source_connection_and_time(
    provider: StreamProvider, samples: tuple[str, ...], arrival: FrameContext
) -> None:
    """A tick has our symbol, its source, its connection and the time of receipt."""
    for tick in ticks(provider, samples, arrival):
        assert ("BTC", provider.source, 3, START) == (
            tick.symbol,
            tick.source,
            tick.connection,
            tick.received_at,
        )


def test_unfollowed_symbols_make_no_tick(
    provider: StreamProvider, samples: tuple[str, ...], arrival: FrameContext
) -> None:
    """A symbol that is not followed makes no tick, and is no error."""
    unfollowed = FrameContext(START, 3, {})
    events = [event for sample in samples for event in provider.parse(sample, unfollowed)]

    assert [] == [event for event in events if isinstance(event, Tick | Unreadable)]


def test_no_bytes_make_it_raise_or_invent(
    provider: StreamProvider, samples: tuple[str, ...], arrival: FrameContext, tries: int
) -> None:
    """Every frame makes events only, and what is used of each tick has a plausible price."""
    chance = random.Random(provider.source.name)
    held: SourceQuote | None = None
    validator, accepted = Validator(), 0
    for frame in mutated(samples, tries, chance):
        for event in provider.parse(frame, arrival):
            assert isinstance(event, EVENTS), frame[:200]
            if not isinstance(event, Tick):
                continue
            assert_well_typed(event)
            used = Validator().validate(event, None, (), POLICY)
            if used is not None:
                accepted += 1
                assert_plausible(used)
            accepted_tick = validator.validate(event, held, (), POLICY)
            held = held if accepted_tick is None else SourceQuote.merge(accepted_tick, held)

    assert accepted > 0


def test_monsters_are_survived(
    provider: StreamProvider, samples: tuple[str, ...], arrival: FrameContext
) -> None:
    """A megabyte, a hundred thousand brackets and a million digits raise nothing."""
    for frame in monsters(samples):
        events = list(provider.parse(frame, arrival))

        assert all(isinstance(event, EVENTS) for event in events)
        assert all(len(event.problem) <= 300 for event in events if isinstance(event, Unreadable))


def ticks(provider: StreamProvider, samples: tuple[str, ...], arrival: FrameContext) -> list[Tick]:
    events = [event for sample in samples for event in provider.parse(sample, arrival)]
    return [event for event in events if isinstance(event, Tick)]


# Types and values of a tick


def assert_well_typed(tick: Tick) -> None:
    """Every field is of its declared type."""
    corrected = tick.correction.trade if tick.correction else None
    trades = [trade for trade in (tick.trade, corrected) if trade is not None]
    numbers = [
        getattr(part, field)
        for part in (*trades, tick.book, tick.day)
        if part is not None
        for field in part.__struct_fields__
        if field not in ("id", "time", "updates", "reference", "basis")
    ]
    ids = [part.id for part in (*trades, tick.book) if part is not None]
    times = [part.time for part in (*trades, tick.day) if part is not None]

    assert isinstance(tick.trade, Trade | None)
    assert all(isinstance(trade.updates, TradeUpdates) for trade in trades), tick
    assert all(isinstance(trade.reference, str | None) for trade in trades), tick
    assert isinstance(tick.book, TopOfBook | None)
    assert isinstance(tick.day, DayFigures | None)
    assert all(number is None or type(number) is Decimal for number in numbers), tick
    assert all(identifier is None or type(identifier) is int for identifier in ids), tick
    assert all(time is None or isinstance(time, datetime) for time in times), tick
    assert all(time is None or time.tzinfo is not None for time in times), tick


def assert_plausible(tick: Tick) -> None:
    prices = [] if tick.trade is None else [tick.trade.price]
    if tick.book is not None:
        prices += [tick.book.bid, tick.book.ask]

        assert tick.book.bid <= tick.book.ask
    assert all(price.is_finite() and price > 0 for price in prices), tick
    assert all(math.isfinite(float(price)) for price in prices), tick
