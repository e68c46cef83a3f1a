"""Kraken's protocol, over real sockets.

The reason for its length: every command, channel and deadline of the provider has its test.
"""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from websocket import (
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
)

from omcrm.feeds.provider import Acknowledged, FrameContext, RequestRejected, Unreadable
from omcrm.feeds.providers.kraken.stream import Kraken
from omcrm.market.tick import Tick
from simulator.fixed import ONE
from simulator.providers import kraken
from tests.processes import PATIENCE
from tests.simulator.kraken_client import Client
from tests.values import START


@pytest.fixture
def client(running: Any) -> Client:
    """A new connection."""
    return Client(running.connect("/kraken/v2"))


def scaled(number: Any) -> int:
    """A number in 1e-8, of which it must be a multiple."""
    value = Decimal(number) * ONE
    assert value == int(value)
    return int(value)


# The connection


def test_a_connection_begins_with_the_status(client: Client) -> None:
    """The system is online."""
    (status,) = client.status.pop("data")

    assert {"channel": "status", "type": "update"} == client.status
    assert ("online", "v2") == (status["system"], status["api_version"])
    assert isinstance(status["connection_id"], int)


@pytest.mark.parametrize("path", ["/kraken", "/kraken/v1", "/kraken/v2/"])
def test_serves_one_path(running: Any, path: str) -> None:
    """Other paths are 404."""
    with pytest.raises(WebSocketBadStatusException) as refused:
        running.connect(path)

    assert 404 == refused.value.status_code


def test_answers_a_ping(client: Client) -> None:
    """A pong has the ping's id and two times."""
    pong = client.answer("ping", 42)

    assert ["method", "req_id", "time_in", "time_out"] == list(pong)
    assert ("pong", 42) == (pong["method"], pong["req_id"])
    assert datetime.fromisoformat(pong["time_in"]) <= datetime.fromisoformat(pong["time_out"])


def test_a_ping_needs_no_id(client: Client) -> None:
    """Without one the pong has none."""
    assert "req_id" not in client.answer("ping")


def test_without_a_subscription_there_is_no_heartbeat(client: Client) -> None:
    """Before the first subscription."""
    assert [] == client.messages_within(1.5)


def test_heartbeats_go_on_while_the_data_is_mute(running: Any, client: Client) -> None:
    """After a subscription, with or without market data."""
    client.answer("subscribe", channel="trade", symbol=["BTC/USD"])
    running.fault("mute", venue="kraken")
    # What was sent before comes before the answer.
    client.answer("ping")

    assert [{"channel": "heartbeat"}] * 3 == [client.next() for _ in range(3)]


def test_a_refused_subscription_brings_no_heartbeat(client: Client) -> None:
    """Only accepted subscriptions count."""
    client.answer("subscribe", channel="trade", symbol=["XXX/USD"])

    assert [] == client.messages_within(1.5)


def test_a_connection_without_subscriptions_is_closed(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its timeout, which pings do not prolong; others stay."""
    monkeypatch.setattr(kraken, "SILENT_FOR", 4)
    idle, busy = Client(running.connect("/kraken/v2")), Client(running.connect("/kraken/v2"))
    busy.answer("subscribe", channel="trade", symbol=["BTC/USD"])
    time.sleep(1)
    idle.answer("ping")

    with pytest.raises(WebSocketConnectionClosedException):
        idle.next()
    time.sleep(0.5)
    assert "pong" == busy.answer("ping")["method"]


def test_unsubscribing_from_everything_starts_the_timeout(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And ends the heartbeats."""
    monkeypatch.setattr(kraken, "SILENT_FOR", 4)
    client = Client(running.connect("/kraken/v2"))
    client.messages_within(1.2)
    client.answer("subscribe", channel="trade", symbol=["BTC/USD"])
    client.until(lambda message: message == {"channel": "heartbeat"})
    began = time.monotonic()
    client.answer("unsubscribe", channel="trade", symbol=["BTC/USD"])

    with pytest.raises(WebSocketConnectionClosedException):
        client.until(lambda message: message == {"channel": "heartbeat"})
    assert 3.5 < time.monotonic() - began


# Commands


def test_every_pair_is_answered(client: Client) -> None:
    """One command for three pairs has three answers with its id, one of them a refusal."""
    pairs = ["BTC/USD", "XXX/USD", "POL/USD"]
    client.send("subscribe", 7, channel="ticker", symbol=pairs, event_trigger="bbo", snapshot=False)
    answers = [client.until(lambda message: "success" in message) for _ in pairs]
    for answer in answers:
        assert datetime.fromisoformat(answer.pop("time_in")).tzinfo
        assert datetime.fromisoformat(answer.pop("time_out")).tzinfo

    def accepted(pair: str) -> dict[str, Any]:
        result = {"channel": "ticker", "symbol": pair, "event_trigger": "bbo", "snapshot": False}
        return {"method": "subscribe", "result": result, "success": True, "req_id": 7}

    assert [
        accepted("BTC/USD"),
        {
            "method": "subscribe",
            "error": "Currency pair not supported XXX/USD",
            "success": False,
            "symbol": "XXX/USD",
            "req_id": 7,
        },
        accepted("POL/USD"),
    ] == answers


@pytest.mark.parametrize(
    ("channel", "result"),
    [
        ("ticker", {"event_trigger": "trades", "snapshot": True}),
        ("trade", {"snapshot": False}),
    ],
)
def test_a_channel_has_its_defaults(
    client: Client, channel: str, result: dict[str, object]
) -> None:
    """A ticker follows trades and begins with a snapshot; trades begin without one."""
    answer = client.answer("subscribe", channel=channel, symbol=["BTC/USD"])

    assert {"channel": channel, "symbol": "BTC/USD", **result} == answer["result"]


@pytest.mark.parametrize("pair", ["AAPL/USD", "NZD/USD", "EURUSD", "BTC-USD", "btc/usd", ""])
def test_serves_coins_and_currencies_only(client: Client, pair: str) -> None:
    """Unknown pairs and spellings are refused."""
    answer = client.answer("subscribe", channel="trade", symbol=[pair])

    assert (False, pair) == (answer["success"], answer["symbol"])
    assert f"Currency pair not supported {pair}" == answer["error"]


@pytest.mark.parametrize("channel", ["ticker", "trade"])
def test_nothing_is_subscribed_twice(client: Client, channel: str) -> None:
    """Nor unsubscribed twice; afterwards it can be subscribed again."""
    asked = {"channel": channel, "symbol": ["BTC/USD"], "snapshot": False}
    commands = ("subscribe", "subscribe", "unsubscribe", "unsubscribe", "subscribe")
    answers = [client.answer(command, **asked) for command in commands]

    assert [None, "Already subscribed", None, "Subscription Not Found", None] == [
        answer.get("error") for answer in answers
    ]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("subscribe", {"channel": "tickers", "symbol": ["BTC/USD"]}),
        ("subscribe", {"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "always"}),
        ("follow", {"channel": "ticker", "symbol": ["BTC/USD"]}),
        ("subscribe", {}),
    ],
)
def test_refuses_what_it_does_not_know(
    client: Client, method: str, params: dict[str, object]
) -> None:
    """The answer has the method, the id and the reason."""
    answer = client.answer(method, 3, **params)

    assert (False, method, 3) == (answer["success"], answer["method"], answer["req_id"])
    assert answer["error"]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"ping",
        b"[]",
        b"{}",
        b'{"method":7}',
        b'{"method":"\xff"}',
        b'{"method":"subscribe","params":{"channel":"trade","symbol":"BTC/USD"}}',
        b'{"method":"subscribe","params":{"channel":"trade","symbol":[7]}}',
        b'{"method":"ping","req_id":"x"}',
        b"[" * 100_000,
    ],
)
def test_survives_any_bytes(client: Client, frame: bytes) -> None:
    """Malformed commands are refused, and the connection stays."""
    client.socket.send_binary(frame)
    answer = client.until(lambda message: "success" in message)

    assert (False, "Malformed request") == (answer["success"], answer["error"])
    assert "pong" == client.answer("ping")["method"]


# Tickers


def test_its_books_of_currencies_are_thin(running: Any, client: Client) -> None:
    """Bid and ask are worse than the banks', around the same mid; the trick `wide` sets them far
    apart."""
    top = running.server.source.listings["EURUSD"].top
    client.send("subscribe", channel="ticker", symbol=["EUR/USD"], event_trigger="bbo")
    (ticker,) = client.data("ticker", "snapshot")
    running.fault("trick", venue="kraken", name="wide", amount=2)
    wide = client.until(
        lambda message: (
            message.get("type") == "update" and _spread(message["data"][0]) > Decimal("0.019")
        )
    )

    assert "EUR/USD" == ticker["symbol"] == wide["data"][0]["symbol"]
    assert Decimal("0.0004") < _spread(ticker) < Decimal("0.001")
    assert 2 * 25 * 1000 < scaled(ticker["ask"]) - scaled(ticker["bid"])
    assert abs(scaled(ticker["bid"]) - top.bid) < top.bid * Decimal("0.001")


def _spread(ticker: Any) -> Decimal:
    return Decimal((ticker["ask"] - ticker["bid"]) / ticker["bid"])


def test_its_trades_of_currencies_are_rare(running: Any, client: Client) -> None:
    """The snapshot has one of fifty."""
    client.send("subscribe", channel="trade", symbol=["EUR/USD"], snapshot=True)
    trades = client.data("trade", "snapshot")
    made = {trade.id for trade in running.server.source.listings["EURUSD"].trades}

    assert {trade["trade_id"] for trade in trades} == {
        number for number in made if number % kraken.RARE == 0
    }


def test_ticker_begins_with_a_snapshot(running: Any, client: Client) -> None:
    """It has the best prices and the day's figures, all of them numbers."""
    client.send("subscribe", channel="ticker", symbol=["BTC/USD"], event_trigger="bbo")
    (ticker,) = client.data("ticker", "snapshot")

    assert [
        "symbol", "bid", "bid_qty", "ask", "ask_qty", "last", "volume", "vwap", "low", "high",
        "change", "change_pct", "timestamp",
    ] == list(ticker)  # fmt: skip
    assert "BTC/USD" == ticker.pop("symbol")
    age = datetime.now(UTC) - datetime.fromisoformat(ticker.pop("timestamp"))
    assert abs(age.total_seconds()) < PATIENCE
    assert {Decimal, int} >= {type(value) for value in ticker.values()}
    assert 0 < ticker["bid"] < ticker["ask"]
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["low"] <= ticker["vwap"] <= ticker["high"]
    opened = ticker["last"] - ticker["change"]
    assert round(Decimal(ticker["change"]) / opened * 100, 2) == ticker["change_pct"]
    bar = running.server.source.listings["BTCUSDT"].day(int(time.time() * 1000)).bar
    assert bar.open == scaled(opened)


def test_no_snapshot_where_none_is_wanted(running: Any, client: Client) -> None:
    """The first ticker is an update."""
    asked = {"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "bbo"}
    client.answer("subscribe", **asked, snapshot=False)

    ticker = client.until(lambda message: message.get("channel") == "ticker")
    assert "update" == ticker["type"]


def test_bbo_follows_the_book(running: Any, client: Client) -> None:
    """A change of the best prices is sent at once, exactly, without any trade."""
    client.send("subscribe", channel="ticker", symbol=["BTC/USD"], event_trigger="bbo")
    client.data("ticker", "snapshot")
    running.fault("crossed", venue="kraken", symbol="BTCUSDT")

    def is_crossed(message: Any) -> bool:
        return (
            message.get("channel") == "ticker"
            and message["data"][0]["bid"] > (message["data"][0]["ask"])
        )

    (ticker,) = client.until(is_crossed)["data"]
    tick = running.server.source.listings["BTCUSDT"].tick
    # The fault raises the bid above the ask by ten ticks, and makes the bid the ask.
    assert scaled(ticker["bid"]) - 10 * tick > scaled(ticker["ask"])


def test_triggers_subscribe_to_the_streams_they_need(running: Any, client: Client) -> None:
    """By the channels of each pair."""

    def received() -> list[str]:
        (connection,) = running.get("/control")["venues"]["kraken"]["connections"]
        return sorted(connection["subscriptions"])

    client.answer("subscribe", channel="ticker", symbol=["BTC/USD"], event_trigger="bbo")
    assert ["btcusdt@bookTicker"] == received()
    client.answer("subscribe", channel="ticker", symbol=["POL/USD"])
    assert ["btcusdt@bookTicker", "polusdt@trade"] == received()
    client.answer("subscribe", channel="trade", symbol=["BTC/USD", "POL/USD"])
    client.until(lambda message: "success" in message)
    assert ["btcusdt@bookTicker", "btcusdt@trade", "polusdt@trade"] == received()
    client.answer("unsubscribe", channel="ticker", symbol=["POL/USD"])
    client.answer("unsubscribe", channel="ticker", symbol=["BTC/USD"])
    assert ["btcusdt@trade", "polusdt@trade"] == received()


def test_trades_trigger_a_ticker(running: Any, client: Client) -> None:
    """Its last price is that of the trade."""
    client.answer("subscribe", channel="ticker", symbol=["BTC/USD"])
    running.fault("spike", venue="kraken", symbol="BTCUSDT", factor=2.0)
    last = running.server.source.listings["BTCUSDT"].last

    def is_spike(message: Any) -> bool:
        return message.get("type") == "update" and (
            scaled(message["data"][0]["last"]) > last.price * 3 // 2
        )

    (ticker,) = client.until(is_spike)["data"]
    assert "BTC/USD" == ticker["symbol"]


# Trades


def test_trades_begin_with_the_last_fifty(running: Any, client: Client) -> None:
    """The snapshot has the market's last trades in one message, the newest last."""
    listing = running.server.source.listings["BTCUSDT"]
    while len(listing.trades) < kraken.RECENT + 5:
        time.sleep(0.05)
    newest = listing.last.id
    client.send("subscribe", channel="trade", symbol=["BTC/USD"], snapshot=True)
    fields = client.data("trade", "snapshot")
    known = {trade.id: trade for trade in listing.trades}

    assert kraken.RECENT == len(fields)
    assert fields[-1]["trade_id"] >= newest
    assert sorted(record["trade_id"] for record in fields) == [
        record["trade_id"] for record in fields
    ]
    for record in fields:
        trade = known[record["trade_id"]]
        assert (trade.price, trade.quantity) == (scaled(record["price"]), scaled(record["qty"]))
        assert ("sell" if trade.buyer_is_maker else "buy") == record["side"]
        assert datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=trade.time) == (
            datetime.fromisoformat(record["timestamp"])
        )


def test_every_trade_is_sent(running: Any, client: Client) -> None:
    """Updates follow the snapshot without a gap."""
    client.send("subscribe", channel="trade", symbol=["BTC/USD"], snapshot=True)
    ids = [trade["trade_id"] for trade in client.data("trade", "snapshot")]
    updates = [client.data("trade") for _ in range(3)]
    ids += [trade["trade_id"] for update in updates for trade in update]

    assert list(range(ids[0], ids[-1] + 1)) == ids
    assert {"BTC/USD"} == {trade["symbol"] for update in updates for trade in update}


def test_unsubscribing_ends_a_channel(client: Client) -> None:
    """The other channel of the same pair goes on."""
    client.answer("subscribe", channel="ticker", symbol=["BTC/USD"], event_trigger="bbo")
    client.answer("subscribe", channel="trade", symbol=["BTC/USD"])
    answer = client.answer("unsubscribe", 9, channel="ticker", symbol=["BTC/USD"])
    channels: set[str] = set()
    while not channels >= {"trade", "heartbeat"}:
        channels.add(client.next()["channel"])

    assert {"channel": "ticker", "symbol": "BTC/USD", "event_trigger": "trades"} == answer["result"]
    assert (True, 9) == (answer["success"], answer["req_id"])
    assert {"trade", "heartbeat"} == channels


def test_its_clock_can_be_ahead(running: Any, client: Client) -> None:
    """The times of trades and answers are ahead."""
    running.fault("skewed_clock", venue="kraken", seconds=100)
    pong = client.answer("ping")
    client.send("subscribe", channel="trade", symbol=["BTC/USD"])
    (trade, *_) = client.data("trade")

    for moment in (pong["time_in"], trade["timestamp"]):
        lead = datetime.fromisoformat(moment) - datetime.now(UTC)
        assert 90 < lead.total_seconds() < 110


# The product's client


def test_the_client_reads_all_of_it(running: Any, client: Client) -> None:
    """Every message is readable, and prices, sizes, ids and times are exactly the market's."""
    provider, names = Kraken("ws://unused"), {"BTC/USD": "BTC", "POL/USD": "MATIC"}
    arrival = FrameContext(START, 1, names)
    for frame in provider.subscribe([*names, "XXX/USD"], 1):
        client.socket.send(frame)
    client.send("ping")
    frames = [client.socket.recv() for _ in range(80)]
    for frame in provider.unsubscribe(names, 3):
        client.socket.send(frame)
    frames += [msgspec.json.encode(message).decode() for message in client.messages_within(1.2)]
    events = [event for frame in frames for event in provider.parse(frame, arrival)]
    ticks = [event for event in events if isinstance(event, Tick)]

    assert [] == [event for event in events if isinstance(event, Unreadable)]
    assert [1, 1, 2, 2, 3, 3, 4, 4] == [event.id for event in events if type(event) is Acknowledged]
    assert 2 == len([event for event in events if isinstance(event, RequestRejected)])
    assert {"BTC", "MATIC"} == {tick.symbol for tick in ticks if tick.trade}
    assert {"BTC", "MATIC"} == {tick.symbol for tick in ticks if tick.book and tick.day}
    listings = running.server.source.listings
    known = {
        (symbol, trade.id): trade
        for symbol, name in (("BTC", "BTCUSDT"), ("MATIC", "POLUSDT"))
        for trade in listings[name].trades
    }
    for tick in ticks:
        if tick.trade:
            trade = known[tick.symbol, tick.trade.id]
            assert (trade.price, trade.quantity) == (
                scaled(tick.trade.price),
                scaled(tick.trade.size),
            )
            assert trade.time == round(tick.trade.time.timestamp() * 1000)
