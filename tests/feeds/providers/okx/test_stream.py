from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websocket import create_connection

from omcrm.feeds.provider import (
    Acknowledged,
    ClosingSoon,
    Event,
    FrameContext,
    RequestRejected,
    Unreadable,
)
from omcrm.feeds.providers import okx
from omcrm.feeds.providers.okx.stream import Okx
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.validation import Validator
from omcrm.settings import load
from tests.feeds.providers.okx.samples import BOOK, TICKER, TRADE, event, pushed
from tests.processes import PATIENCE, Exchange
from tests.values import START

PROVIDER = Okx("wss://ws.okx.com:8443/ws/v5/public")
ARRIVAL = FrameContext(START, 3, {"BTC-USDT": "BTC", "ETH-USDT": "ETH"})
SENT_AT = datetime(2026, 2, 2, 2, 40, tzinfo=UTC)
MOST_BYTES = 64 * 1024


def read(frame: str | bytes) -> list[Event]:
    return list(PROVIDER.parse(frame, ARRIVAL))


def only(events: Iterable[Event]) -> Tick:
    """The one tick there must be."""
    (tick,) = events
    assert isinstance(tick, Tick)
    return tick


# Declaration


def test_is_live_keyless_and_pinged_by_a_text() -> None:
    """Its address is a setting, and the 480 requests of an hour are never exceeded."""
    limits = okx.STREAM.limits

    assert PriceClass.LIVE is PROVIDER.source.claim
    assert (None, "", []) == (PROVIDER.missing(), PROVIDER.api_key(), PROVIDER.opening())
    assert PROVIDER.url() == load({}).feeds.urls["okx"]
    assert "ping" == limits.ping
    assert 3600 / limits.frame_spacing <= 480


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("BTC", "BTC-USDT"), ("MATIC", "POL-USDT"), ("AAPL", None), ("EURUSD", None)],
)
def test_the_first_instruments_have_its_names(symbol: str, name: str | None) -> None:
    """Without stored ones; only coins are there."""
    (item,) = (item for item in CATALOGUE if item.symbol == symbol)

    assert name == with_usual_names(item).provider_symbols.get("okx")


# Subscriptions


def test_a_request_has_every_channel_of_every_name() -> None:
    """Trades, the best bid and ask, and day figures."""
    (frame,) = PROVIDER.subscribe(["BTC-USDT", "ETH-USDT"], 1)
    (ended,) = PROVIDER.unsubscribe(["BTC-USDT"], 2)
    command = msgspec.json.decode(frame)

    assert "subscribe" == command["op"]
    assert {
        (channel, name)
        for channel in ("trades", "bbo-tbt", "tickers")
        for name in ("BTC-USDT", "ETH-USDT")
    } == {(topic["channel"], topic["instId"]) for topic in command["args"]}
    assert ("unsubscribe", 3) == (
        msgspec.json.decode(ended)["op"],
        len(msgspec.json.decode(ended)["args"]),
    )


def test_no_request_is_too_large() -> None:
    """All symbols that may be followed fit into one, also with the longest names."""
    names = [f"{number:020}-ABCDEFGHIJ" for number in range(okx.STREAM.limits.symbols)]
    (frame,) = PROVIDER.subscribe(names, 1)

    assert len(frame) < MOST_BYTES
    assert 2 == len(PROVIDER.subscribe([*names, "BTC-USDT"], 1))


# What it sends


def test_a_trade() -> None:
    """Numbers and times are texts, and the number orders the trades."""
    tick = only(read(pushed("trades", TRADE)))
    time = SENT_AT.replace(microsecond=123_000)

    assert ("BTC", 3, START) == (tick.symbol, tick.connection, tick.received_at)
    assert Trade(Decimal("91234.56"), Decimal("0.0125"), 730011501, time) == tick.trade


def test_trades_of_one_frame_are_put_in_their_order() -> None:
    """The newest is the last price, in whatever order they come."""
    later = {**TRADE, "tradeId": "730011510"}
    ticks = read(pushed("trades", later, TRADE))

    assert [730011501, 730011510] == [tick.trade.id for tick in ticks]


def test_the_best_bid_and_ask() -> None:
    """With the number of the change."""
    tick = only(read(pushed("bbo-tbt", BOOK)))

    assert (None, None) == (tick.trade, tick.day)
    assert (
        TopOfBook(
            Decimal("91234.5"),
            Decimal("91234.6"),
            Decimal("1.25"),
            Decimal("0.8"),
            66000001,
            SENT_AT.replace(microsecond=124_000),
        )
        == tick.book
    )


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_book_with_an_empty_side_is_none(side: str) -> None:
    """No price is invented for it."""
    assert [] == read(pushed("bbo-tbt", {**BOOK, side: []}))


def test_a_ticker_has_the_figures_of_the_day() -> None:
    """Its last price and its book are older than those of the other channels, and are not used."""
    tick = only(read(pushed("tickers", TICKER)))

    assert (None, None) == (tick.trade, tick.book)
    assert (
        DayFigures(
            Decimal(90000),
            Decimal("92000.5"),
            Decimal(89000),
            Decimal("12345.678"),
            Decimal("1.372"),
            SENT_AT.replace(microsecond=125_000),
            Decimal("91234.56"),
        )
        == tick.day
    )


@pytest.mark.parametrize(
    "frame",
    [
        pushed("trades", {**TRADE, "instId": "XYZ-USDT"}, name="XYZ-USDT"),
        pushed("books", BOOK),
        pushed("candle1m", {}),
        pushed("tickers", {**TICKER, "open24h": "0"}),
        pushed("trades"),
        "pong",
        b"pong",
    ],
)
def test_what_brings_no_price_makes_no_event(frame: str | bytes) -> None:
    """Other instruments and channels, a day without trades, and the answer to a ping."""
    assert [] == read(frame)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (event("subscribe", arg={}), Acknowledged(None)),
        (event("unsubscribe", arg={}), Acknowledged(None)),
        (event("channel-conn-count", connCount="3"), Acknowledged(None)),
        (event("error", code="60018", msg="Unknown"), RequestRejected(60018, "Unknown")),
        (event("error"), RequestRejected(0, "")),
        (event("notice", code="64008", msg="Soon closed for an upgrade"), ClosingSoon()),
        (event("notice", code="64000", msg="News"), Acknowledged(None)),
    ],
)
def test_answers_and_notices(frame: str, expected: Event) -> None:
    """Before an upgrade of the service another connection is opened."""
    assert [expected] == read(frame)


@pytest.mark.parametrize(
    "frame",
    [
        event("something-new"),
        event("error", code="x"),
        pushed("trades", {**TRADE, "px": 91234.56}),
        pushed("trades", {**TRADE, "ts": 1770000000123}),
        pushed("trades", {**TRADE, "tradeId": "-1"}),
        pushed("bbo-tbt", {**BOOK, "asks": [["1"]]}),
        "ping",
        "[]",
        "{}",
    ],
)
def test_other_frames_are_unreadable(frame: str) -> None:
    """A field of another type is not guessed."""
    (problem,) = read(frame)

    assert isinstance(problem, Unreadable)


# The recording


def test_the_recording_is_read_completely(market_data: Path) -> None:
    """Every trade and ticker of the pair is a tick that the validator accepts, but repetitions."""
    lines = (market_data / "okx" / "OKX.ws.1.0").read_text().splitlines()
    frames = [line.partition(": ")[2] for line in lines if line[:1].isdigit()]
    events = [event for frame in frames for event in read(frame)]
    ticks = [event for event in events if isinstance(event, Tick)]
    validator, held = Validator(), None
    policy = POLICIES[AssetClass.CRYPTO]
    for tick in ticks:
        accepted = validator.validate(tick, held, (), policy)
        held = held if accepted is None else SourceQuote.merge(accepted, held)

    assert {"Acknowledged": 18, "Tick": 94} == Counter(type(event).__name__ for event in events)
    assert (69, 25) == (
        sum(tick.trade is not None for tick in ticks),
        sum(tick.day is not None for tick in ticks),
    )
    assert {} == dict(validator.rejected)
    assert held is not None
    assert Decimal(28000) < held.trade.price < Decimal(31000)


# Against the built-in exchange


def _parts(events: Iterable[Event]) -> set[tuple[str, str]]:
    """Which parts of a quote came of each symbol."""
    ticks = [event for event in events if isinstance(event, Tick)]
    return {
        (tick.symbol, part)
        for tick in ticks
        for part in ("trade", "book", "day")
        if getattr(tick, part) is not None
    }


def test_understands_the_exchange(exchange: Exchange) -> None:
    """The exchange answers the provider's frames as OKX does."""
    client = create_connection(f"{exchange.url}/okx/ws/v5/public", timeout=PATIENCE)
    for name in ("BTC-USDT", "ETH-USDT", "XYZ-USDT"):
        client.send(PROVIDER.subscribe([name], 1)[0])
    client.send(okx.STREAM.limits.ping)
    events: list[Event] = []
    frames: list[Any] = []
    while len(_parts(events)) < 2 * 3 or "pong" not in frames:
        frames.append(client.recv())
        events += PROVIDER.parse(frames[-1], ARRIVAL)
    client.shutdown()

    assert 6 == events.count(Acknowledged(None))
    assert 3 == sum(isinstance(event, RequestRejected) for event in events)
    assert [] == [event for event in events if isinstance(event, Unreadable)]
