import json
import time
from decimal import Decimal
from typing import Any

import pytest
from websocket import ABNF, WebSocket

from simulator.providers import coinbase
from tests.processes import PATIENCE

TICKER = {
    "type", "sequence", "product_id", "price", "open_24h", "volume_24h", "low_24h", "high_24h",
    "volume_30d", "best_bid", "best_bid_size", "best_ask", "best_ask_size", "side", "time",
    "trade_id", "last_size",
}  # fmt: skip
MATCH = {
    "type", "trade_id", "maker_order_id", "taker_order_id", "side", "size", "price", "product_id",
    "sequence", "time",
}  # fmt: skip


def send(client: WebSocket, kind: str, *channels: Any, products: Any = ("BTC-USD",)) -> None:
    """Send a command."""
    command = {"type": kind, "product_ids": list(products), "channels": list(channels)}
    client.send(json.dumps(command))


def next_of(client: WebSocket, *kinds: str) -> Any:
    """The next message of one of these types."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        message = json.loads(client.recv())
        if message["type"] in kinds:
            return message
    raise AssertionError(f"no {kinds} came")


@pytest.fixture
def client(running) -> WebSocket:
    """A connection to Coinbase."""
    return running.connect("/coinbase")


# Commands


def test_a_subscription_is_confirmed_and_begins_with_the_last_price(client: WebSocket) -> None:
    """First all subscriptions, then the last ticker and match."""
    send(client, "subscribe", "ticker", "heartbeat", "matches", products=["BTC-USD", "POL-USD"])
    confirmed = json.loads(client.recv())
    first = [json.loads(client.recv()) for _ in range(4)]
    products = ["BTC-USD", "POL-USD"]

    assert {
        "type": "subscriptions",
        "channels": [
            {"name": name, "product_ids": products} for name in ("ticker", "heartbeat", "matches")
        ],
    } == confirmed
    assert [("ticker", "BTC-USD"), ("ticker", "POL-USD")] == [
        (message["type"], message["product_id"]) for message in first[:2]
    ]
    assert ["last_match", "last_match"] == [message["type"] for message in first[2:]]


def test_a_channel_may_bring_its_own_products(client: WebSocket) -> None:
    """Its list counts instead of the common one."""
    send(client, "subscribe", {"name": "heartbeat", "product_ids": ["POL-USD"]}, "ticker")

    assert [
        {"name": "heartbeat", "product_ids": ["POL-USD"]},
        {"name": "ticker", "product_ids": ["BTC-USD"]},
    ] == next_of(client, "subscriptions")["channels"]


def test_unsubscribing_ends_it(client: WebSocket) -> None:
    """The remaining subscriptions are confirmed, and only their messages come."""
    send(client, "subscribe", "ticker", "heartbeat", products=["BTC-USD", "POL-USD"])
    next_of(client, "subscriptions")
    send(client, "unsubscribe", "ticker", products=["BTC-USD", "POL-USD"])
    left = next_of(client, "subscriptions")["channels"]
    kinds = {json.loads(client.recv())["type"] for _ in range(3)}

    assert [{"name": "heartbeat", "product_ids": ["BTC-USD", "POL-USD"]}] == left
    assert {"heartbeat"} == kinds


def test_a_repeated_subscription_changes_nothing(client: WebSocket, running) -> None:
    """No message comes twice."""
    for _ in range(2):
        send(client, "subscribe", "matches")
        assert [{"name": "matches", "product_ids": ["BTC-USD"]}] == next_of(
            client, "subscriptions"
        )["channels"]
    ids = [next_of(client, "match")["trade_id"] for _ in range(5)]
    (connection,) = running.get("/control")["venues"]["coinbase"]["connections"]

    assert sorted(set(ids)) == ids
    assert ["btcusdt@trade"] == connection["subscriptions"]


@pytest.mark.parametrize("product", ["XYZ-USD", "BTCUSDT", "btc-usd", "AAPL-USD", "EUR-USD", ""])
def test_an_unknown_product_is_refused(client: WebSocket, product: str) -> None:
    """The whole command is refused, and the reason names the product."""
    send(client, "subscribe", "ticker", products=["BTC-USD", product])
    refused = next_of(client, "error", "ticker", "subscriptions")

    assert {
        "type": "error",
        "message": "Failed to subscribe",
        "reason": f"{product} is not a valid product",
    } == refused


@pytest.mark.parametrize("channel", ["level2", "full", "tickers", ""])
def test_an_unknown_channel_is_refused(client: WebSocket, channel: str) -> None:
    """Channels that need a login are unknown, too."""
    send(client, "subscribe", channel)

    assert f"{channel} is not a valid channel" == next_of(client, "error")["reason"]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "5", "[]", "{}", '"subscribe"', '{"type":"subscribe"}',
        '{"type":"subscribe","channels":null}',
        '{"type":"subscribe","channels":[5],"product_ids":["BTC-USD"]}',
        '{"type":"subscribe","channels":[null]}',
        '{"type":"subscribe","channels":["ticker"],"product_ids":7}',
        '{"type":"subscribe","channels":[{"product_ids":["BTC-USD"]}]}',
        '{"type":"subscribe","channels":[{"name":["x"],"product_ids":[["BTC-USD"]]}]}',
        '{"type":"say","channels":["ticker"],"product_ids":["BTC-USD"]}',
        '{"type":[],"channels":["ticker"],"product_ids":["BTC-USD"]}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_whatever_is_sent_is_answered(client: WebSocket, text: str) -> None:
    """A wrong command is an error, and the connection stays."""
    client.send(text)
    assert "error" == json.loads(client.recv())["type"]
    send(client, "subscribe", "ticker")

    assert "BTC-USD" == next_of(client, "ticker")["product_id"]


def test_bytes_that_are_no_text(client: WebSocket) -> None:
    """They do not end the connection."""
    client.send(b'{"type":"\xff"}', ABNF.OPCODE_BINARY)

    assert "Malformed JSON" == next_of(client, "error")["message"]


# Messages


def test_a_ticker_has_every_field(client: WebSocket) -> None:
    """As Coinbase's: numbers as strings without trailing zeros, times in microseconds."""
    send(client, "subscribe", "ticker")
    fields = next_of(client, "ticker")

    assert TICKER == fields.keys()
    for name in TICKER - {"type", "product_id", "side", "time", "trade_id", "sequence"}:
        assert Decimal(fields[name]) > 0
    assert not fields["price"].endswith("0") or "." not in fields["price"]
    assert Decimal(fields["best_bid"]) < Decimal(fields["best_ask"])
    assert Decimal(fields["low_24h"]) <= Decimal(fields["price"]) <= Decimal(fields["high_24h"])
    assert fields["side"] in ("buy", "sell")
    assert len("2026-01-05T14:30:00.253000Z") == len(fields["time"])


def test_tickers_follow_the_trades(client: WebSocket, running) -> None:
    """Binance's trades, numbered without a gap for each product."""
    other = running.connect("/ws/btcusdt@trade")
    send(client, "subscribe", "ticker")
    fields = {
        message["trade_id"]: message for message in (next_of(client, "ticker") for _ in range(12))
    }
    trades = [json.loads(other.recv()) for _ in range(10)]
    shared = [trade for trade in trades if trade["t"] in fields]

    assert len(shared) > 5
    for trade in shared:
        ticker = fields[trade["t"]]
        assert Decimal(trade["p"]) == Decimal(ticker["price"])
        assert Decimal(trade["q"]) == Decimal(ticker["last_size"])
        assert ("sell" if trade["m"] else "buy") == ticker["side"]
    first, *later = (message["sequence"] for message in fields.values())
    assert list(range(first + 1, first + 12)) == later


def test_a_later_connection_has_larger_numbers(client: WebSocket, running) -> None:
    """The sequence is the product's, not the connection's."""
    send(client, "subscribe", "ticker")
    earlier = next_of(client, "ticker")
    other = running.connect("/coinbase")
    time.sleep(0.01)
    send(other, "subscribe", "ticker")

    assert earlier["sequence"] < next_of(other, "ticker")["sequence"]


def test_a_match_names_the_makers_side(client: WebSocket) -> None:
    """The opposite of the ticker's side of the same trade."""
    send(client, "subscribe", "ticker", "matches")
    next_of(client, "last_match")
    ticker, match = next_of(client, "ticker"), next_of(client, "match")

    assert MATCH == match.keys()
    assert ticker["trade_id"] == match["trade_id"]
    assert {"buy", "sell"} == {ticker["side"], match["side"]}
    assert ticker["price"] == match["price"]
    assert 1 == match["sequence"] - ticker["sequence"]


def test_a_heartbeat_comes_every_second(client: WebSocket, running) -> None:
    """For each product, also while prices are muted."""
    began = time.monotonic()
    send(client, "subscribe", "heartbeat", "ticker", products=["BTC-USD", "POL-USD"])
    running.fault("mute", venue="coinbase")
    next_of(client, "heartbeat")
    heartbeats = [json.loads(client.recv()) for _ in range(4)]

    assert {"heartbeat"} == {heartbeat["type"] for heartbeat in heartbeats}
    assert {"BTC-USD", "POL-USD"} == {heartbeat["product_id"] for heartbeat in heartbeats}
    assert {"type", "sequence", "last_trade_id", "product_id", "time"} == heartbeats[0].keys()
    assert heartbeats[0]["last_trade_id"] > 0
    assert 1.5 < time.monotonic() - began


def test_a_connection_without_subscriptions_is_closed(
    client: WebSocket, running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some seconds, with a policy code; subscribed clients stay."""
    monkeypatch.setattr(coinbase, "SILENT_FOR", 1)
    other = running.connect("/coinbase")
    send(other, "subscribe", "heartbeat")
    opcode, payload = client.recv_data(control_frame=True)

    assert ABNF.OPCODE_CLOSE == opcode
    assert (1008, b"Failed to subscribe in time") == (int.from_bytes(payload[:2]), payload[2:])
    assert next_of(other, "heartbeat")
    assert next_of(other, "heartbeat")


@pytest.mark.parametrize("path", ["/coinbase/ws", "/coinbase/btcusdt@trade"])
def test_other_paths_are_unknown(running, path: str) -> None:
    """There is one path for all."""
    with pytest.raises(Exception, match="404"):
        running.connect(path)


def test_there_is_no_http(running) -> None:
    """It is a WebSocket only."""
    assert 404 == running.request("/coinbase")[0]


def test_it_may_be_opened_with_a_slash_and_a_query(running) -> None:
    """The path is the same."""
    for path in ("/coinbase/", "/coinbase?a=b", "/coinbase/?a=b"):
        send(running.connect(path), "subscribe", "ticker")

    assert 3 == len(running.get("/control")["venues"]["coinbase"]["connections"])


def test_a_closed_connection_is_unsubscribed(client: WebSocket, running, room) -> None:
    """After its end the stream has no subscriber."""
    send(client, "subscribe", "ticker")
    next_of(client, "ticker")
    subscriptions = running.simulator.servers["coinbase"].subscriptions
    assert subscriptions.wants("btcusdt@trade")
    client.shutdown()

    room.wait_until(lambda: not subscriptions.wants("btcusdt@trade"))
    assert [] == running.get("/control")["venues"]["coinbase"]["connections"]
