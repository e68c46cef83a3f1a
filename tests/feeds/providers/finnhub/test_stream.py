from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from omcrm.feeds.keys import Keys
from omcrm.feeds.lease import Leases
from omcrm.feeds.provider import (
    Event,
    FrameContext,
    RequestRejected,
    UnknownCondition,
    Unreadable,
)
from omcrm.feeds.providers import finnhub
from omcrm.feeds.providers.finnhub.stream import Finnhub
from omcrm.feeds.supervisor import FeedCallbacks, Supervisor
from omcrm.feeds.timing import SupervisorTiming
from omcrm.market.feed_status import FeedState
from omcrm.market.source import HealthState
from omcrm.market.tick import Tick, Trade
from omcrm.market.trade_condition import EVERYTHING, NOT_LAST, VOLUME_ONLY, TradeUpdates
from tests.processes import Exchange, wait_for
from tests.threads import Threads
from tests.values import START

SECRET = "c9s3cr3tfinnhubkey"
KEYS = Keys({finnhub.KEY.env: SECRET}.__getitem__)
STREAM = Finnhub("wss://ws.finnhub.io", KEYS)
NAMES = {"AAPL": "AAPL", "BINANCE:BTCUSDT": "BTC"}
ARRIVAL = FrameContext(START, 3, NAMES)
TRADED_AT = datetime(2026, 2, 2, 2, 40, 0, 123_000, tzinfo=UTC)
SHARE = {"s": "AAPL", "p": 231.55, "t": 1770000000123, "v": 100, "c": ["1", "12"]}


def read(message: object) -> list[Event]:
    return list(STREAM.parse(msgspec.json.encode(message), ARRIVAL))


def trades(*messages: dict[str, Any]) -> list[tuple[str, Trade | None]]:
    """The symbols and trades of a frame with these trades."""
    events = read({"type": "trade", "data": list(messages)})
    assert all(isinstance(event, Tick) for event in events), events
    return [(event.symbol, event.trade) for event in events if isinstance(event, Tick)]


# Subscriptions


def test_each_symbol_is_subscribed_by_its_own_frame() -> None:
    """The protocol has no list of symbols, and no number of a request."""
    frames = STREAM.subscribe(["AAPL", "BINANCE:BTCUSDT"], 7)

    assert [
        {"type": "subscribe", "symbol": "AAPL"},
        {"type": "subscribe", "symbol": "BINANCE:BTCUSDT"},
    ] == [msgspec.json.decode(frame) for frame in frames]
    (frame,) = STREAM.unsubscribe(["AAPL"], 8)
    assert {"type": "unsubscribe", "symbol": "AAPL"} == msgspec.json.decode(frame)


# Trades


def test_a_trade_has_price_size_and_time_but_no_number() -> None:
    """Finnhub numbers no trades, and none is invented."""
    trade = Trade(Decimal("231.55"), Decimal(100), None, TRADED_AT)

    assert [("AAPL", trade)] == trades({**SHARE, "c": ["1"]})


@pytest.mark.parametrize("size", [0, 0.0, None])
def test_a_venue_without_trades_sends_a_price_without_a_size(size: object) -> None:
    """A size of zero means a new price without a size."""
    ((_, trade),) = trades({**SHARE, "v": size, "c": None})

    assert Trade(Decimal("231.55"), None, None, TRADED_AT) == trade


@pytest.mark.parametrize("conditions", [["1"], [], None])
def test_conditions_may_be_absent(conditions: object) -> None:
    """A regular trade has a list, an empty one, null, or none."""
    without = {key: value for key, value in SHARE.items() if key != "c"}

    assert trades(without) == trades({**SHARE, "c": conditions})


@pytest.mark.parametrize(
    ("conditions", "updates"),
    [
        (["1", "12"], VOLUME_ONLY),
        (["1", "3"], VOLUME_ONLY),
        (["1", "8"], EVERYTHING),
        (["1", "30"], NOT_LAST),
        (["1", "32"], NOT_LAST),
        (["21"], NOT_LAST),
    ],
)
def test_conditions_decide_what_a_trade_sets(conditions: list[str], updates: TradeUpdates) -> None:
    """Odd lots, average prices, late reports and derived prices do not set the last price."""
    ((_, trade),) = trades({**SHARE, "c": conditions})

    assert trade is not None
    assert updates == trade.updates


def test_an_unknown_condition_is_told() -> None:
    """The trade is read, and does not set the last price."""
    event, unknown = read({"type": "trade", "data": [{**SHARE, "c": ["1", "99"]}]})

    assert isinstance(event, Tick)
    assert event.trade is not None
    assert VOLUME_ONLY == event.trade.updates
    assert UnknownCondition("99") == unknown


def test_trades_of_one_frame_are_put_in_the_order_of_time() -> None:
    """The newest comes last, whatever the frame's order and the symbol."""
    coin = {"s": "BINANCE:BTCUSDT", "p": 91234, "v": 1, "c": None}
    events = trades(
        {**SHARE, "p": 3, "t": 3_000},
        {**coin, "t": 2_000},
        {**SHARE, "p": 1, "t": 1_000},
        {**coin, "t": 4_000},
    )

    assert [("AAPL", 1), ("BTC", 2), ("AAPL", 3), ("BTC", 4)] == [
        (symbol, trade.time.timestamp()) for symbol, trade in events
    ]


def test_equal_trades_are_two_trades_in_the_order_received() -> None:
    """The same price, size and time may come twice; of one millisecond the last one counts."""
    events = trades(SHARE, SHARE, {**SHARE, "p": 231.5})

    assert [Decimal("231.55"), Decimal("231.55"), Decimal("231.5")] == [
        trade.price for _, trade in events
    ]


def test_only_what_is_followed_is_read() -> None:
    """Other symbols in the same frame are ignored, whatever their fields are."""
    other = {"s": "MSFT", "p": None, "t": None}

    assert ["AAPL"] == [symbol for symbol, _ in trades(other, SHARE, other)]


@pytest.mark.parametrize("field", ["s", "p", "t", "v"])
@pytest.mark.parametrize("wrong", [{}, [], [[]], {"code": "x"}, True, "abc"])
def test_a_field_of_another_kind_is_unreadable(field: str, wrong: object) -> None:
    """A field of a wrong type is unreadable; another name is another symbol."""
    events = read({"type": "trade", "data": [{**SHARE, field: wrong}]})
    expected = [] if field == "s" and isinstance(wrong, str) else [Unreadable]

    assert expected == [type(event) for event in events]


# Other messages


@pytest.mark.parametrize(
    "message",
    [{"type": "ping"}, {"type": "news", "data": []}, {"type": "pr", "data": None}, {"type": ""}],
)
def test_messages_without_a_price_make_no_event(message: object) -> None:
    """Pings need no answer, and news are not subscribed."""
    assert [] == read(message)


def test_too_many_symbols_is_a_refusal() -> None:
    """It has no symbol, and the connection goes on."""
    words = "Subscribing to too many symbols"

    assert [RequestRejected(0, words)] == read({"type": "error", "msg": words})


# On real sockets


class Watched:
    """A supervisor of Finnhub's stream and all of its reports."""

    def __init__(self, url: str, leases: Leases | None = None, key: str = SECRET) -> None:
        self.ticks: list[Tick] = []
        self.conditions: list[HealthState] = []
        reports = FeedCallbacks(
            self.ticks.append,
            lambda source, condition, connection: self.conditions.append(condition),
            lambda source: None,
        )
        keys = Keys({finnhub.KEY.env: key}.__getitem__)
        provider = Finnhub(url, keys)
        self.supervisor = Supervisor(
            provider, reports, lambda: datetime.now(UTC), SupervisorTiming(), keys, leases
        )
        self.supervisor.follow(NAMES, lambda: True)

    @contextmanager
    def running(self) -> "Iterator[Watched]":
        threads = Threads()
        self.supervisor.start()
        yield self
        self.supervisor.stop()
        threads.wait()


def test_the_stream_brings_prices_and_keeps_its_key(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    """Shares and coins come over one connection, and no status or log holds the key."""
    with Watched(f"{exchange.url}/finnhub").running() as watched:
        wait_for(lambda: {tick.symbol for tick in watched.ticks} == {"AAPL", "BTC"}, 15, "both")
        status = watched.supervisor.status()

    assert FeedState.STREAMING is status.state
    assert 0 == status.unreadable
    assert None is status.last_error
    assert [] == [tick for tick in watched.ticks if tick.trade is None or tick.trade.id is not None]
    assert SECRET not in repr((status, watched.ticks, caplog.text))


def test_a_second_connection_with_the_key_ends_both_and_the_feed_comes_back(
    exchange: Exchange,
) -> None:
    """A second user of the key without a lease ends the connection; the feed recovers."""
    with Watched(f"{exchange.url}/finnhub").running() as watched:
        wait_for(lambda: watched.ticks, 15, "data")
        with Watched(f"{exchange.url}/finnhub").running() as other:
            wait_for(lambda: HealthState.DOWN in watched.conditions, 10, "the first to end")
            wait_for(lambda: other.supervisor.status().reconnects > 0, 10, "the second to end")
        before = len(watched.ticks)
        wait_for(lambda: len(watched.ticks) > before, 15, "data again")

        assert FeedState.STREAMING is watched.supervisor.status().state


def test_with_a_lease_the_second_waits(exchange: Exchange, tmp_path: Path) -> None:
    """Two processes of this machine do not end each other's connection."""
    with Watched(f"{exchange.url}/finnhub", Leases(tmp_path)).running() as watched:
        wait_for(lambda: watched.ticks, 15, "data")
        with Watched(f"{exchange.url}/finnhub", Leases(tmp_path)).running() as other:
            wait_for(lambda: other.supervisor.status().state is FeedState.WAITING, 10, "it to wait")

        assert HealthState.DOWN not in watched.conditions
        assert [] == other.ticks


def test_a_wrong_key_is_reported_without_the_key(exchange: Exchange) -> None:
    """The handshake is refused with 401, and the key is not in the status."""
    with Watched(f"{exchange.url}/finnhub", key="bad-secret").running() as watched:
        wait_for(lambda: HealthState.DOWN in watched.conditions, 10, "the refusal")
        status = watched.supervisor.status()

    assert FeedState.WAITING is status.state
    assert "401" in str(status.last_error)
    assert "bad-secret" not in repr(status)
