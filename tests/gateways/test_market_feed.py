"""The dialect of `/ws/market/feed` over real sockets; what all dialects share is in test_mount.py.

Long for a reason: every message of the dialect is here.
"""

import json
import socket
from collections.abc import Iterator
from decimal import Decimal

import pytest
from websockets.sync.client import connect

from omcrm.market.instrument import AssetClass
from omcrm.market.tick import DayFigures
from tests.gateways.conftest import FEED
from tests.gateways.here import JsonPeer, Make, Served
from tests.gateways.test_subscribers import item
from tests.processes import PATIENCE, wait_for
from tests.values import after, book, instrument, quote, trade

FIELDS = {
    "type",
    "symbol",
    "price",
    "bid",
    "ask",
    "bidSize",
    "askSize",
    "volume",
    "dayChange",
    "dayChangePercent",
    "timestamp",
    "source",
    "price_class",
    "price_basis",
    "provider_time",
    "seq",
}


@pytest.fixture
def peer(here: Served) -> Iterator[JsonPeer]:
    """A connected client."""
    with here.connect(FEED) as connected:
        yield connected


def subscribe(*symbols: str, **details: object) -> dict[str, object]:
    return {"action": "subscribe", "symbols": list(symbols), **details}


# Subscribing


def test_subscribed_comes_before_the_quotes(here: Served, peer: JsonPeer) -> None:
    """The answer is followed by the newest quote of each symbol, then by every change."""
    first = here.price("BTC")
    peer.send(subscribe("BTC", "AAPL"))

    assert {
        "type": "subscribed",
        "symbols": ["BTC", "AAPL"],
        "level": "basic",
        "channels": ["quotes"],
        "total_subscriptions": 2,
    } == peer.receive()
    assert {"AAPL": "last_resort", "BTC": "binance"} == {
        message["symbol"]: message["source"] for message in (peer.receive(), peer.receive())
    }
    assert first.seq in [message.get("price") for message in peer.received]

    second = here.price("BTC")
    assert second.seq == peer.receive()["price"]


def test_a_quote_has_every_field_and_null_for_unknown_values(here: Served, peer: JsonPeer) -> None:
    """Of a share without a source only a fixed price is known."""
    peer.send(subscribe("AAPL"))
    message = peer.receive_until("quote")

    assert message.keys() == FIELDS
    assert "last_resort" == message["price_class"]
    assert {None} == {
        message[name] for name in ("bid", "ask", "bidSize", "askSize", "volume", "dayChange")
    }


def test_numbers_are_exact(here: Served, peer: JsonPeer) -> None:
    """The decimals of the source are sent unchanged."""
    day = DayFigures(
        open=Decimal("67000.10"), volume=Decimal("1000.0000001"), change_percent=Decimal("0.35")
    )
    parts = trade("67234.56", 9), book("67234.55", "67234.57"), day
    here.market.hub.publish(quote(*parts, symbol="BTC", seq=999))
    peer.send(subscribe("BTC"))
    peer.receive_until("quote")

    message = json.loads(peer.texts[-1], parse_float=Decimal)
    names = ("price", "bid", "ask", "volume", "dayChange", "dayChangePercent")
    assert [
        Decimal("67234.56"),
        Decimal("67234.55"),
        Decimal("67234.57"),
        Decimal("1000.0000001"),
        Decimal("234.46"),
        Decimal("0.35"),
    ] == [message[name] for name in names]
    assert ("binance", "live") == (message["source"], message["price_class"])
    assert "2026-03-04T15:00:00.000Z" == message["timestamp"]


def test_symbols_are_spelled_as_in_the_catalogue(peer: JsonPeer) -> None:
    """Case and spaces do not matter, and duplicates count once."""
    answer = peer.ask(subscribe("btc", " BTC ", "Eth"))

    assert (["BTC", "ETH"], 2) == (answer["symbols"], answer["total_subscriptions"])


def test_the_level_is_sent_back(peer: JsonPeer) -> None:
    """Both levels have the same quotes."""
    assert "advanced" == peer.ask(subscribe("BTC", level="advanced"))["level"]
    assert peer.receive_until("quote").keys() == FIELDS


def test_known_symbols_are_subscribed_beside_unknown_ones(peer: JsonPeer) -> None:
    """Unknown symbols are named, and do not count."""
    answer = peer.ask(subscribe("NOPE", "BTC", "nada"))
    error = peer.receive()

    assert (["BTC"], 1) == (answer["symbols"], answer["total_subscriptions"])
    assert ("error", "UNKNOWN_SYMBOL") == (error["type"], error["code"])
    assert ["NOPE", "NADA"] == error["symbols"]
    assert "Unknown symbols: NOPE, NADA" == error["message"]


def test_only_unknown_symbols_are_only_an_error(peer: JsonPeer) -> None:
    """There is no `subscribed` message."""
    assert "UNKNOWN_SYMBOL" == peer.ask(subscribe("NOPE"))["code"]
    assert [] == peer.receive_all()


def test_unknown_symbols_do_not_close_the_connection(peer: JsonPeer) -> None:
    """They are no bad messages, however many there are."""
    for _ in range(12):
        assert "UNKNOWN_SYMBOL" == peer.ask(subscribe("NOPE"))["code"]
    assert "pong" == peer.ask({"action": "ping"})["type"]


def test_the_one_beyond_the_limit_is_named(serve: Make) -> None:
    """With a limit of three, the fourth is refused until one is released."""
    here = serve(MAX_SUBSCRIPTIONS_PER_CONNECTION="3")
    with here.connect(FEED) as peer:
        answer = peer.ask(subscribe("BTC", "ETH", "AAPL", "MSFT"))
        error = peer.receive_until("error")
        again = peer.ask(subscribe("BTC"))
        peer.ask({"action": "unsubscribe", "symbols": ["BTC"]})
        room = peer.ask(subscribe("MSFT"))

    assert (["BTC", "ETH", "AAPL"], 3) == (answer["symbols"], answer["total_subscriptions"])
    assert ("SYMBOL_LIMIT_EXCEEDED", ["MSFT"]) == (error["code"], error["symbols"])
    assert (["BTC"], 3) == (again["symbols"], again["total_subscriptions"])
    assert (["MSFT"], 3) == (room["symbols"], room["total_subscriptions"])


def test_fifty_are_allowed_and_the_fifty_first_is_not(serve: Make) -> None:
    """This is the default limit."""
    here = serve()
    symbols = [f"S{number}" for number in range(51)]
    here.market.follow([instrument(symbol, AssetClass.CRYPTO) for symbol in symbols])
    with here.connect(FEED) as peer:
        answer = peer.ask(subscribe(*symbols))
        error = peer.receive()

    assert (symbols[:50], 50) == (answer["symbols"], answer["total_subscriptions"])
    assert ("SYMBOL_LIMIT_EXCEEDED", ["S50"]) == (error["code"], error["symbols"])
    assert "Symbol limit exceeded (50): unsubscribe from some first" == error["message"]


def test_unsubscribing_ends_the_quotes(here: Served, peer: JsonPeer) -> None:
    """Released symbols are not sent any more; the others are."""
    peer.ask(subscribe("BTC", "ETH", channels=["quotes", "trades"]))
    answer = peer.ask({"action": "unsubscribe", "symbols": ["btc", "NOPE"]})
    here.price("BTC")
    last = here.price("ETH")
    wait_for(lambda: last.seq in [message.get("price") for message in peer.receive_all()], 5)

    assert {"type": "unsubscribed", "symbols": ["BTC"], "total_subscriptions": 1} == answer
    assert {"ETH"} == {message["symbol"] for message in peer.received if "symbol" in message}


def test_a_client_gets_only_what_it_subscribed_to(here: Served, peer: JsonPeer) -> None:
    """Quotes of other clients' symbols are not sent."""
    with here.connect(FEED) as other:
        other.ask(subscribe("ETH"))
        peer.ask(subscribe("BTC"))
        here.price("ETH")
        last = here.price("BTC")
        wait_for(lambda: last.seq in [message.get("price") for message in peer.receive_all()], 5)

    assert {"BTC"} == {message["symbol"] for message in peer.received if "symbol" in message}


# Invalid messages


@pytest.mark.parametrize(
    ("message", "expected", "code"),
    [
        ("{", "Invalid JSON format", "INVALID_JSON"),
        ("", "Invalid JSON format", "INVALID_JSON"),
        ("[]", "Invalid JSON format", "INVALID_JSON"),
        ("[" * 5000, "Invalid JSON format", "INVALID_JSON"),
        ('{"action":"\\ud800"}', "Invalid JSON format", "INVALID_JSON"),
        ("{}", "Unknown action: null", "UNKNOWN_MESSAGE"),
        ('{"action":"X"}', "Unknown action: X", "UNKNOWN_MESSAGE"),
        ('{"action":7}', "Unknown action: 7", "UNKNOWN_MESSAGE"),
        ('{"action":"subscribe"}', "Invalid subscription request", "INVALID_MESSAGE"),
        (
            '{"action":"subscribe","symbols":[]}',
            "Invalid subscription request",
            "INVALID_MESSAGE",
        ),
        (
            '{"action":"unsubscribe","symbols":"BTC"}',
            "Invalid subscription request",
            "INVALID_MESSAGE",
        ),
    ],
)
def test_an_invalid_message_is_answered_and_the_connection_stays_open(
    peer: JsonPeer, message: str, expected: str, code: str
) -> None:
    """With this dialect's error messages."""
    answer = peer.ask(message)

    assert ("error", expected, code) == (answer["type"], answer["message"], answer["code"])
    assert "pong" == peer.ask({"action": "ping"})["type"]


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"symbols": 5}, "$.symbols"),
        ({"symbols": ["BTC", 5]}, "$.symbols[1]"),
        ({"symbols": ["x" * 21]}, "$.symbols[0]"),
        ({"symbols": ["BTC"], "level": "expert"}, "$.level"),
        ({"symbols": ["BTC"], "channels": ["gossip"]}, "$.channels[0]"),
        ({"symbols": ["BTC"], "history": 501}, "$.history"),
        ({"symbols": ["BTC"], "history": -1}, "$.history"),
    ],
)
def test_the_wrong_field_is_named(peer: JsonPeer, details: dict[str, object], field: str) -> None:
    """The detail has the field and what was expected."""
    answer = peer.ask({"action": "subscribe", **details})

    assert "Invalid subscription request" == answer["message"]
    assert f"`{field}`" in answer["detail"]


def test_an_unknown_action_is_cut_in_the_answer(peer: JsonPeer) -> None:
    """Of ten thousand characters fifty are sent back."""
    answer = peer.ask({"action": "x" * 10_000})

    assert f"Unknown action: {'x' * 50}" == answer["message"]


def test_ping(peer: JsonPeer) -> None:
    """The answer has the server's time."""
    answer = peer.ask({"action": "ping"})

    assert {"type", "timestamp"} == answer.keys()
    assert "Z" == answer["timestamp"][-1]


# Channels and history


@pytest.mark.parametrize("channel", ["level2", "news", "alerts"])
def test_an_unavailable_channel(peer: JsonPeer, channel: str) -> None:
    """It is named in an error; the other channels are subscribed."""
    answer = peer.ask(subscribe("BTC", channels=["quotes", channel]))
    error = peer.receive()

    assert ["quotes"] == answer["channels"]
    assert ("CHANNEL_UNAVAILABLE", [channel]) == (error["code"], error["channels"])
    assert "CHANNEL_UNAVAILABLE" == peer.ask(subscribe("ETH", channels=[channel]))["code"]
    assert "subscribed" not in [message["type"] for message in peer.receive_all()]


def test_every_trade_is_sent(here: Served, peer: JsonPeer) -> None:
    """However many there are in a window, none is left out or sent twice."""
    peer.ask(subscribe("BTC", channels=["trades"]))
    peer.receive_all()
    # A failover to another source: its trades before that are not sent.
    here.price("BTC")
    prices = [here.price("BTC").seq for _ in range(30)]
    here.price("ETH")
    trades = [peer.receive() for _ in prices]

    assert {"trade"} == {message["type"] for message in trades}
    assert prices == [message["price"] for message in trades]
    assert {
        "type": "trade",
        "symbol": "BTC",
        "price": prices[0],
        "size": 0.5,
        "timestamp": "2026-03-04T15:00:00.000Z",
        "source": "binance",
        "price_class": "live",
    } == trades[0]
    assert [] == peer.receive_all()


def test_news_of_the_subscribed_symbols(serve: Make) -> None:
    """With the same fields as news have elsewhere; other news are not sent."""
    here = serve(NEWS_FEEDS="http://127.0.0.1:1/feed")
    with here.connect(FEED) as peer:
        answer = peer.ask(subscribe("BTC", channels=["news"]))
        peer.receive_all()
        for title, symbol in (("passes by", "ETH"), ("<b>Bitcoin", "BTC")):
            here.market.news._notify([item(title, symbol)])
        message = peer.receive()
        peer.ask({"action": "unsubscribe", "symbols": ["BTC"]})
        here.market.news._notify([item("late", "BTC")])
        left = peer.receive_all()

    assert ["news"] == answer["channels"]
    assert ("news", "<b>Bitcoin", ["BTC"]) == (
        message["type"],
        message["title"],
        message["symbols"],
    )
    assert [] == left


def test_history_is_what_was_traded(here: Served, peer: JsonPeer) -> None:
    """The last minutes with trades, each with its closing price; gaps are not filled."""
    for minute in range(4):
        here.market.bars.take(
            quote(
                trade(str(100 + minute), minute, "2", after(60 * minute)),
                symbol="BTC",
                seq=minute + 1,
            )
        )
    here.market.cache._quotes["BTC"] = quote(trade("103", 3), symbol="BTC", seq=4)
    peer.send(subscribe("BTC", "ETH", history=3))
    histories = [peer.receive_until("history") for _ in range(2)]

    assert ["subscribed", "quote", "history"] == list(
        dict.fromkeys(message["type"] for message in peer.received)
    )
    assert ("BTC", "1m", "binance") == tuple(
        histories[0][name] for name in ("symbol", "timeframe", "source")
    )
    assert [101, 102, 103] == [bar["price"] for bar in histories[0]["data"]]
    assert {
        "timestamp": "2026-03-04T15:01:00.000Z",
        "price": 101,
        "open": 101,
        "high": 101,
        "low": 101,
        "close": 101,
        "volume": 2,
        "price_basis": "trade",
    } == histories[0]["data"][0]
    assert ("ETH", []) == (histories[1]["symbol"], histories[1]["data"])


def test_history_is_limited(peer: JsonPeer) -> None:
    """Beyond the budget an error is sent instead; the symbols are subscribed all the same."""
    peer.send(subscribe("BTC", "ETH", *[f"S{number}" for number in range(9)], history=500))
    for _ in range(10):
        peer.send(subscribe("BTC", history=500))
    peer.ask({"action": "ping"})
    while peer.received[-1]["type"] != "pong":
        peer.receive()
    codes = [message.get("code") for message in peer.received if message["type"] == "error"]
    answers = [message for message in peer.received if message["type"] == "history"]

    assert "HISTORY_LIMIT_EXCEEDED" in codes
    assert 10 <= len(answers) < 12


# Delivery


def test_within_a_window_only_the_last_value_is_sent(here: Served, peer: JsonPeer) -> None:
    """Of a hundred changes at once the last is always sent, and few others are."""
    peer.ask(subscribe("BTC"))
    peer.receive_all()
    prices = [here.price("BTC").seq for _ in range(100)]
    received = []
    while not received or received[-1] != prices[-1]:
        received.append(peer.receive()["price"])

    assert prices[-1] == received[-1]
    assert len(received) <= 5
    assert sorted(received) == received


def test_clients_with_the_same_symbols_get_the_same_bytes(here: Served) -> None:
    """A quote is encoded once for all clients."""
    with here.connect(FEED) as one, here.connect(FEED) as other:
        for subscriber in (one, other):
            subscriber.ask(subscribe("BTC", "ETH"))
            subscriber.receive_all()
            subscriber.texts.clear()
        last = [here.price("BTC"), here.price("ETH")][-1]
        for subscriber in (one, other):
            while subscriber.receive().get("price") != last.seq:
                pass

    assert one.texts == other.texts


def test_a_slow_client_gets_the_newest(here: Served) -> None:
    """It skips values, but receives the last one when it reads again."""
    with here.connect(FEED, receive_buffer=4096) as slow:
        slow.ask(subscribe("BTC"))
        raw = slow.raw.sock
        before = here.market.fanout.skipped
        while here.market.fanout.skipped == before:
            last = here.price("BTC")
            here.market.fanout._flush_due(at_the_end=True)
        for _ in range(50):
            last = here.price("BTC")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        numbers = []
        while not numbers or numbers[-1] != last.seq:
            numbers.append(slow.receive()["seq"])

    assert sorted(set(numbers)) == numbers


def test_quotes_may_be_compressed(here: Served) -> None:
    """A client with compression receives the same quotes."""
    url = f"ws://127.0.0.1:{here.port}{FEED}?token={here.token()}"
    with connect(url, compression="deflate") as client:
        client.send(json.dumps(subscribe("BTC")))
        messages = [json.loads(client.recv(timeout=PATIENCE)) for _ in range(2)]
        price = here.price("BTC")
        messages.append(json.loads(client.recv(timeout=PATIENCE)))

    assert ["subscribed", "quote", "quote"] == [message["type"] for message in messages]
    assert price.seq == messages[-1]["price"]
