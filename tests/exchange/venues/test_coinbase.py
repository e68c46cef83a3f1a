import json
import time
from decimal import Decimal
from typing import Any

import pytest
from websocket import ABNF, WebSocket

from omcrm.exchange.venues import coinbase
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


def hear(client: WebSocket, *kinds: str) -> Any:
    """The next message of one of these types."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        message = json.loads(client.recv())
        if message["type"] in kinds:
            return message
    raise AssertionError(f"no {kinds} came")


@pytest.fixture
def client(market) -> WebSocket:
    """A connection to Coinbase."""
    return market.connect("/coinbase")


# Commands


def test_a_subscription_is_confirmed_and_begins_with_the_last_price(client: WebSocket) -> None:
    """First all that is subscribed, then what is known already."""
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
    ] == hear(client, "subscriptions")["channels"]


def test_unsubscribing_ends_it(client: WebSocket) -> None:
    """What is left is confirmed, and only that comes."""
    send(client, "subscribe", "ticker", "heartbeat", products=["BTC-USD", "POL-USD"])
    hear(client, "subscriptions")
    send(client, "unsubscribe", "ticker", products=["BTC-USD", "POL-USD"])
    left = hear(client, "subscriptions")["channels"]
    kinds = {json.loads(client.recv())["type"] for _ in range(3)}

    assert [{"name": "heartbeat", "product_ids": ["BTC-USD", "POL-USD"]}] == left
    assert {"heartbeat"} == kinds


def test_subscribing_twice_is_once(client: WebSocket, market) -> None:
    """Nothing comes doubled."""
    for _ in range(2):
        send(client, "subscribe", "matches")
        assert [{"name": "matches", "product_ids": ["BTC-USD"]}] == hear(client, "subscriptions")[
            "channels"
        ]
    ids = [hear(client, "match")["trade_id"] for _ in range(5)]
    (connection,) = market.get("/control")["venues"]["coinbase"]["connections"]

    assert sorted(set(ids)) == ids
    assert ["btcusdt@trade"] == connection["subscriptions"]


@pytest.mark.parametrize("product", ["XYZ-USD", "BTCUSDT", "btc-usd", "AAPL-USD", "EUR-USD", ""])
def test_an_unknown_product_is_refused(client: WebSocket, product: str) -> None:
    """None of the command is obeyed, and the reason says which it was."""
    send(client, "subscribe", "ticker", products=["BTC-USD", product])
    refused = hear(client, "error", "ticker", "subscriptions")

    assert {
        "type": "error",
        "message": "Failed to subscribe",
        "reason": f"{product} is not a valid product",
    } == refused


@pytest.mark.parametrize("channel", ["level2", "full", "tickers", ""])
def test_an_unknown_channel_is_refused(client: WebSocket, channel: str) -> None:
    """Among them those that need a login."""
    send(client, "subscribe", channel)

    assert f"{channel} is not a valid channel" == hear(client, "error")["reason"]


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
    """A wrong command is an error, and the connection goes on."""
    client.send(text)
    assert "error" == json.loads(client.recv())["type"]
    send(client, "subscribe", "ticker")

    assert "BTC-USD" == hear(client, "ticker")["product_id"]


def test_bytes_that_are_no_text(client: WebSocket) -> None:
    """Neither end the connection."""
    client.send(b'{"type":"\xff"}', ABNF.OPCODE_BINARY)

    assert "Malformed JSON" == hear(client, "error")["message"]


# What is told


def test_a_ticker_has_every_field(client: WebSocket) -> None:
    """As Coinbase's: numbers as texts without zeros at the end, times in microseconds."""
    send(client, "subscribe", "ticker")
    told = hear(client, "ticker")

    assert TICKER == told.keys()
    for name in TICKER - {"type", "product_id", "side", "time", "trade_id", "sequence"}:
        assert Decimal(told[name]) > 0
    assert not told["price"].endswith("0") or "." not in told["price"]
    assert Decimal(told["best_bid"]) < Decimal(told["best_ask"])
    assert Decimal(told["low_24h"]) <= Decimal(told["price"]) <= Decimal(told["high_24h"])
    assert told["side"] in ("buy", "sell")
    assert len("2026-01-05T14:30:00.253000Z") == len(told["time"])


def test_tickers_follow_the_trades(client: WebSocket, market) -> None:
    """The same trades as at Binance, numbered without a gap for each product."""
    other = market.connect("/ws/btcusdt@trade")
    send(client, "subscribe", "ticker")
    told = {message["trade_id"]: message for message in (hear(client, "ticker") for _ in range(12))}
    trades = [json.loads(other.recv()) for _ in range(10)]
    shared = [trade for trade in trades if trade["t"] in told]

    assert len(shared) > 5
    for trade in shared:
        ticker = told[trade["t"]]
        assert Decimal(trade["p"]) == Decimal(ticker["price"])
        assert Decimal(trade["q"]) == Decimal(ticker["last_size"])
        assert ("sell" if trade["m"] else "buy") == ticker["side"]
    assert list(range(1, 13)) == [message["sequence"] for message in told.values()]


def test_a_match_names_the_makers_side(client: WebSocket) -> None:
    """Which is the other one than the ticker's, of the same trade."""
    send(client, "subscribe", "ticker", "matches")
    hear(client, "last_match")
    ticker, match = hear(client, "ticker"), hear(client, "match")

    assert MATCH == match.keys()
    assert ticker["trade_id"] == match["trade_id"]
    assert {"buy", "sell"} == {ticker["side"], match["side"]}
    assert ticker["price"] == match["price"]
    assert 1 == match["sequence"] - ticker["sequence"]


def test_the_heart_beats_every_second(client: WebSocket, market) -> None:
    """For each product, and on while the prices are mute."""
    began = time.monotonic()
    send(client, "subscribe", "heartbeat", "ticker", products=["BTC-USD", "POL-USD"])
    market.fault("mute", venue="coinbase")
    hear(client, "heartbeat")
    beats = [json.loads(client.recv()) for _ in range(4)]

    assert {"heartbeat"} == {beat["type"] for beat in beats}
    assert {"BTC-USD", "POL-USD"} == {beat["product_id"] for beat in beats}
    assert {"type", "sequence", "last_trade_id", "product_id", "time"} == beats[0].keys()
    assert beats[0]["last_trade_id"] > 0
    assert 1.5 < time.monotonic() - began


def test_who_asks_for_nothing_is_sent_away(
    client: WebSocket, market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some seconds, with the code for it; who has subscribed stays."""
    monkeypatch.setattr(coinbase, "SILENT_FOR", 1)
    other = market.connect("/coinbase")
    send(other, "subscribe", "heartbeat")
    opcode, payload = client.recv_data(control_frame=True)

    assert ABNF.OPCODE_CLOSE == opcode
    assert (1008, b"Failed to subscribe in time") == (int.from_bytes(payload[:2]), payload[2:])
    assert hear(other, "heartbeat")
    assert hear(other, "heartbeat")


@pytest.mark.parametrize("path", ["/coinbase/ws", "/coinbase/btcusdt@trade"])
def test_other_paths_are_unknown(market, path: str) -> None:
    """There is one path for all."""
    with pytest.raises(Exception, match="404"):
        market.connect(path)


def test_there_is_no_http(market) -> None:
    """It is a WebSocket only."""
    assert 404 == market.request("/coinbase")[0]


def test_it_may_be_opened_with_a_slash_and_a_query(market) -> None:
    """The path is the same."""
    for path in ("/coinbase/", "/coinbase?a=b", "/coinbase/?a=b"):
        send(market.connect(path), "subscribe", "ticker")

    assert 3 == len(market.get("/control")["venues"]["coinbase"]["connections"])


def test_what_is_gone_receives_nothing(client: WebSocket, market, room) -> None:
    """After its end nobody wants the stream."""
    send(client, "subscribe", "ticker")
    hear(client, "ticker")
    board = market.market.venues["coinbase"].switchboard
    assert board.wants("btcusdt@trade")
    client.shutdown()

    room.wait_until(lambda: not board.wants("btcusdt@trade"))
    assert [] == market.get("/control")["venues"]["coinbase"]["connections"]
