import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websocket import create_connection

from omcrm.feeds.provider import Acknowledged, Event, FrameContext, RequestRejected, Unreadable
from omcrm.feeds.providers import coinbase
from omcrm.feeds.providers.coinbase.stream import Coinbase
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.validation import RejectReason, Validator
from tests.feeds.providers.coinbase.samples import COINBASE
from tests.feeds.samples import text
from tests.processes import PATIENCE, Exchange
from tests.values import START

TICKER, BARE, MATCH, LAST_MATCH, SUBSCRIPTIONS, HEARTBEAT, ERROR, NEW = COINBASE
PROVIDER = Coinbase("wss://ws-feed.exchange.coinbase.com")
ARRIVAL = FrameContext(START, 3, {"BTC-USD": "BTC"})
TIME = datetime(2026, 1, 5, 14, 30, 0, 253_563, tzinfo=UTC)
TRADE = Trade(Decimal("91234.56"), Decimal("0.0042"), 82062566, TIME)
BOOK = TopOfBook(
    Decimal("91234.55"), Decimal("91234.56"), Decimal("0.1"), Decimal("0.03"), 12042642428
)
DAY = DayFigures(
    Decimal("90010.1"),
    Decimal("92000"),
    Decimal("89000"),
    Decimal("9611.79"),
    Decimal("1.36"),
    TIME,
)


def read(message: Any) -> list[Event]:
    return list(PROVIDER.parse(text(message), ARRIVAL))


def altered(message: Any, **fields: Any) -> dict[str, Any]:
    return {**message, **fields}


def without(message: Any, *fields: str) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in fields}


def tick(**parts: Any) -> Tick:
    return Tick("BTC", coinbase.STREAM.source, START, 3, **parts)


# Subscriptions


def test_asks_for_prices_and_heartbeats() -> None:
    """One frame subscribes to both channels of all products, another unsubscribes."""
    channels = ["ticker", "heartbeat"]
    names = ["BTC-USD", "ETH-USD"]
    (begin,) = PROVIDER.subscribe(iter(names), 1)
    (end,) = PROVIDER.unsubscribe(iter(names), 2)

    assert {"type": "subscribe", "product_ids": names, "channels": channels} == msgspec.json.decode(
        begin
    )
    assert {
        "type": "unsubscribe",
        "product_ids": names,
        "channels": channels,
    } == msgspec.json.decode(end)


def test_is_live_and_needs_no_key() -> None:
    """No setting is missing, there is no login, and the address is that of the setting."""
    assert PriceClass.LIVE is coinbase.STREAM.source.claim
    assert (None, "", False, []) == (
        PROVIDER.missing(),
        PROVIDER.api_key(),
        PROVIDER.authenticates,
        PROVIDER.opening(),
    )
    assert "wss://ws-feed.exchange.coinbase.com" == PROVIDER.url()


# Messages


def test_a_ticker_is_a_trade_a_book_and_a_day() -> None:
    """Every field is read exactly."""
    assert [tick(trade=TRADE, book=BOOK, day=DAY)] == read(TICKER)


def test_a_ticker_may_lack_fields() -> None:
    """Fields that are not in the frame are not in the tick."""
    time = {"time": "2026-01-05T14:30:00.253563Z"}

    assert [tick(trade=Trade(Decimal("91234.56"), None, 1, TIME))] == read({**BARE, **time})
    assert [tick(trade=TRADE, day=DAY)] == read(without(TICKER, "best_ask"))
    assert [tick(trade=TRADE, day=DAY)] == read(altered(TICKER, best_bid=""))
    assert [tick(trade=TRADE, book=BOOK)] == read(without(TICKER, "open_24h"))
    assert [tick(trade=TRADE, book=BOOK)] == read(altered(TICKER, open_24h="0"))


def test_a_book_without_sizes() -> None:
    """In 2021 tickers had prices without sizes."""
    book = TopOfBook(BOOK.bid, BOOK.ask, None, None, BOOK.id)

    assert [tick(trade=TRADE, book=book, day=DAY)] == read(
        without(TICKER, "best_bid_size", "best_ask_size")
    )


@pytest.mark.parametrize("message", [MATCH, LAST_MATCH])
def test_a_match_is_a_trade(message: Any) -> None:
    """So is the last match, which is sent first."""
    assert [tick(trade=Trade(Decimal("91230.23"), Decimal("5.23512"), 10, TIME))] == read(message)


def test_what_brings_no_price() -> None:
    """Heartbeats and new types make no event, answers make theirs."""
    assert [] == read(HEARTBEAT)
    assert [] == read(NEW)
    assert [Acknowledged(None)] == read(SUBSCRIPTIONS)
    assert [RequestRejected(0, "Failed to subscribe XYZ-USD is not a valid product")] == read(ERROR)
    assert [RequestRejected(0, "")] == read({"type": "error"})


@pytest.mark.parametrize("message", [TICKER, MATCH])
def test_another_product_is_none_of_ours(message: Any) -> None:
    """A late frame of an unfollowed product makes no tick."""
    assert [] == read(altered(message, product_id="ETH-USD"))


@pytest.mark.parametrize(
    "fields",
    [
        {"price": "NaN"},
        {"price": None},
        {"price": {}},
        {"price": True},
        {"time": "2026-01-05T14:30:00"},
        {"time": 1767623400},
        {"trade_id": "82062566"},
        {"trade_id": 1.5},
        {"sequence": None},
        {"product_id": ["BTC-USD"]},
        {"product_id": {}},
        {"last_size": "Infinity"},
        {"best_bid": {"a": 1}},
        {"best_ask_size": "-0x1"},
        {"high_24h": None},
        {"type": None},
        {"type": ["ticker"]},
    ],
)
def test_what_is_of_a_wrong_kind_is_unreadable(fields: dict[str, Any]) -> None:
    """No field of a frame is used where another field has a wrong type."""
    (event,) = read(altered(TICKER, **fields))

    assert isinstance(event, Unreadable)


# The recording


def count_kinds(events: Iterable[Event]) -> dict[str, int]:
    """The number of ticks with each field, and of other events."""
    counts: Counter[str] = Counter()
    for event in events:
        if isinstance(event, Tick):
            counts.update(field for field in ("trade", "book", "day") if getattr(event, field))
        else:
            counts[type(event).__name__] += 1
    return counts


def recorded(market_data: Path) -> list[str]:
    """The received frames of the recording of 2021."""
    lines = (market_data / "coinbase" / "COINBASE.ws.28.0").read_text().splitlines()
    # Received lines begin with their time, sent ones with the address.
    return [line.partition(": ")[2] for line in lines if line[:1].isdigit()]


def followed(frames: Iterable[str]) -> FrameContext:
    """All products of these frames are followed."""
    products = {msgspec.json.decode(frame).get("product_id") for frame in frames}
    return FrameContext(START, 1, {product: product for product in products if product})


def test_the_recording_is_read_completely(market_data: Path) -> None:
    """Of 9946 frames every ticker and match is a tick, and nothing is unreadable."""
    frames = recorded(market_data)
    arrival = followed(frames)
    events = [event for frame in frames for event in PROVIDER.parse(frame, arrival)]

    assert (9946, 10) == (len(frames), len(arrival.names))
    # 107 tickers, the last match of each product and then 97 more.
    assert {"Acknowledged": 3, "trade": 107 + 10 + 97, "book": 107, "day": 107} == count_kinds(
        events
    )


def test_the_gate_accepts_the_recording(market_data: Path) -> None:
    """Of a real market only trades that come as ticker and as match are rejected."""
    (policy, *_) = POLICIES.values()
    frames = recorded(market_data)
    arrival, validator = followed(frames), Validator()
    held: dict[str, SourceQuote] = {}
    for frame in frames:
        for event in PROVIDER.parse(frame, arrival):
            if isinstance(event, Tick):
                accepted = validator.validate(event, held.get(event.symbol), (), policy)
                if accepted is not None:
                    held[event.symbol] = SourceQuote.merge(accepted, held.get(event.symbol))

    assert arrival.names.keys() == held.keys()
    assert {RejectReason.OLDER: 27} == dict(validator.rejected)


# Against the built-in exchange


def test_understands_the_exchange(exchange: Exchange) -> None:
    """The exchange answers the provider's frames as Coinbase does."""
    client = create_connection(f"{exchange.url}/coinbase", timeout=PATIENCE)
    arrival = FrameContext(datetime.now(UTC), 1, {"BTC-USD": "BTC", "ETH-USD": "ETH"})
    for frame in PROVIDER.subscribe(["BTC-USD", "ETH-USD"], 1):
        client.send(frame)
    events: list[Event] = []
    until = time.monotonic() + PATIENCE
    while count_kinds(events)["book"] < 5 and time.monotonic() < until:
        events += PROVIDER.parse(client.recv(), arrival)
    client.send(PROVIDER.subscribe(["XYZ-USD"], 2)[0])
    while (
        not any(isinstance(event, RequestRejected) for event in events) and time.monotonic() < until
    ):
        events += PROVIDER.parse(client.recv(), arrival)
    client.shutdown()
    ticks = [event for event in events if isinstance(event, Tick)]

    assert Acknowledged(None) == events[0]
    assert {"BTC", "ETH"} == {tick.symbol for tick in ticks}
    assert all(tick.trade and tick.book and tick.day for tick in ticks)
    assert RequestRejected(0, "Failed to subscribe XYZ-USD is not a valid product") == events[-1]
