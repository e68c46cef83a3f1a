"""The dialect of `/ws/market/feed`, over real sockets; what is common to all is in test_mount.py.

Long for a reason: it is the whole conversation.
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
from tests.gateways.here import Make, Served, Speaker
from tests.gateways.test_news_delivery import item
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
    "provider_time",
    "seq",
}


@pytest.fixture
def speaker(here: Served) -> Iterator[Speaker]:
    """A connected program."""
    with here.speaker(FEED) as connected:
        yield connected


def subscribe(*symbols: str, **details: object) -> dict[str, object]:
    return {"action": "subscribe", "symbols": list(symbols), **details}


# Subscribing


def test_subscribed_comes_before_the_quotes_it_brings(here: Served, speaker: Speaker) -> None:
    """First the answer, then the newest quote of each symbol, then every change."""
    first = here.price("BTC")
    speaker.say(subscribe("BTC", "AAPL"))

    assert {
        "type": "subscribed",
        "symbols": ["BTC", "AAPL"],
        "level": "basic",
        "channels": ["quotes"],
        "total_subscriptions": 2,
    } == speaker.hear()
    assert {"AAPL": "last_resort", "BTC": "binance"} == {
        message["symbol"]: message["source"] for message in (speaker.hear(), speaker.hear())
    }
    assert first.seq in [message.get("price") for message in speaker.heard]

    second = here.price("BTC")
    assert second.seq == speaker.hear()["price"]


def test_a_quote_has_every_field_and_null_for_what_is_not_known(
    here: Served, speaker: Speaker
) -> None:
    """A fixed price is all that is known of a share without a source."""
    speaker.say(subscribe("AAPL"))
    told = speaker.hear_until("quote")

    assert told.keys() == FIELDS
    assert "last_resort" == told["price_class"]
    assert {None} == {
        told[name] for name in ("bid", "ask", "bidSize", "askSize", "volume", "dayChange")
    }


def test_numbers_are_exact(here: Served, speaker: Speaker) -> None:
    """What the source said in decimals is told in the same decimals."""
    day = DayFigures(
        open=Decimal("67000.10"), volume=Decimal("1000.0000001"), change_percent=Decimal("0.35")
    )
    parts = trade("67234.56", 9), book("67234.55", "67234.57"), day
    here.market.hub.publish(quote(*parts, symbol="BTC", seq=999))
    speaker.say(subscribe("BTC"))
    speaker.hear_until("quote")

    said = json.loads(speaker.texts[-1], parse_float=Decimal)
    names = ("price", "bid", "ask", "volume", "dayChange", "dayChangePercent")
    assert [
        Decimal("67234.56"),
        Decimal("67234.55"),
        Decimal("67234.57"),
        Decimal("1000.0000001"),
        Decimal("234.46"),
        Decimal("0.35"),
    ] == [said[name] for name in names]
    assert ("binance", "live") == (said["source"], said["price_class"])
    assert "2026-03-04T15:00:00.000Z" == said["timestamp"]


def test_symbols_are_spelled_as_in_the_catalogue(speaker: Speaker) -> None:
    """Small letters and spaces do not matter, and each counts once."""
    answer = speaker.ask(subscribe("btc", " BTC ", "Eth"))

    assert (["BTC", "ETH"], 2) == (answer["symbols"], answer["total_subscriptions"])


def test_the_level_is_told_back(speaker: Speaker) -> None:
    """Both levels bring the same quotes."""
    assert "advanced" == speaker.ask(subscribe("BTC", level="advanced"))["level"]
    assert speaker.hear_until("quote").keys() == FIELDS


def test_the_known_symbols_are_subscribed_beside_unknown_ones(speaker: Speaker) -> None:
    """What there is none of is named, and costs nothing."""
    answer = speaker.ask(subscribe("NOPE", "BTC", "nada"))
    error = speaker.hear()

    assert (["BTC"], 1) == (answer["symbols"], answer["total_subscriptions"])
    assert ("error", "UNKNOWN_SYMBOL") == (error["type"], error["code"])
    assert ["NOPE", "NADA"] == error["symbols"]
    assert "Unknown symbols: NOPE, NADA" == error["message"]


def test_only_unknown_symbols_are_an_error_alone(speaker: Speaker) -> None:
    """Nothing was subscribed to, so nothing says so."""
    assert "UNKNOWN_SYMBOL" == speaker.ask(subscribe("NOPE"))["code"]
    assert [] == speaker.hear_all()


def test_asking_for_nonsense_again_and_again_is_no_reason_to_close(speaker: Speaker) -> None:
    """Unknown symbols are the wish of a well-mannered program."""
    for _ in range(12):
        assert "UNKNOWN_SYMBOL" == speaker.ask(subscribe("NOPE"))["code"]
    assert "pong" == speaker.ask({"action": "ping"})["type"]


def test_the_one_beyond_the_limit_is_named(serve: Make) -> None:
    """With three allowed, the fourth is refused until one is given back."""
    here = serve(MAX_SUBSCRIPTIONS_PER_CONNECTION="3")
    with here.speaker(FEED) as speaker:
        answer = speaker.ask(subscribe("BTC", "ETH", "AAPL", "MSFT"))
        error = speaker.hear_until("error")
        again = speaker.ask(subscribe("BTC"))
        speaker.ask({"action": "unsubscribe", "symbols": ["BTC"]})
        room = speaker.ask(subscribe("MSFT"))

    assert (["BTC", "ETH", "AAPL"], 3) == (answer["symbols"], answer["total_subscriptions"])
    assert ("SYMBOL_LIMIT_EXCEEDED", ["MSFT"]) == (error["code"], error["symbols"])
    assert (["BTC"], 3) == (again["symbols"], again["total_subscriptions"])
    assert (["MSFT"], 3) == (room["symbols"], room["total_subscriptions"])


def test_fifty_are_allowed_and_the_fifty_first_is_not(serve: Make) -> None:
    """The limit as it comes, with more instruments than the first ones."""
    here = serve()
    symbols = [f"S{number}" for number in range(51)]
    here.market.follow([instrument(symbol, AssetClass.CRYPTO) for symbol in symbols])
    with here.speaker(FEED) as speaker:
        answer = speaker.ask(subscribe(*symbols))
        error = speaker.hear()

    assert (symbols[:50], 50) == (answer["symbols"], answer["total_subscriptions"])
    assert ("SYMBOL_LIMIT_EXCEEDED", ["S50"]) == (error["code"], error["symbols"])
    assert "Symbol limit exceeded (50): unsubscribe from some first" == error["message"]


def test_unsubscribing_ends_the_quotes(here: Served, speaker: Speaker) -> None:
    """What was let go of is not told any more; the rest is."""
    speaker.ask(subscribe("BTC", "ETH", channels=["quotes", "trades"]))
    answer = speaker.ask({"action": "unsubscribe", "symbols": ["btc", "NOPE"]})
    here.price("BTC")
    last = here.price("ETH")
    wait_for(lambda: last.seq in [message.get("price") for message in speaker.hear_all()], 5)

    assert {"type": "unsubscribed", "symbols": ["BTC"], "total_subscriptions": 1} == answer
    assert {"ETH"} == {message["symbol"] for message in speaker.heard if "symbol" in message}


def test_a_client_gets_only_what_it_subscribed_to(here: Served, speaker: Speaker) -> None:
    """The prices of others' symbols pass by."""
    with here.speaker(FEED) as other:
        other.ask(subscribe("ETH"))
        speaker.ask(subscribe("BTC"))
        here.price("ETH")
        last = here.price("BTC")
        wait_for(lambda: last.seq in [message.get("price") for message in speaker.hear_all()], 5)

    assert {"BTC"} == {message["symbol"] for message in speaker.heard if "symbol" in message}


# What is wrong with a message


@pytest.mark.parametrize(
    ("message", "said", "code"),
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
def test_what_is_wrong_is_said_and_the_connection_lives(
    speaker: Speaker, message: str, said: str, code: str
) -> None:
    """In this dialect's words."""
    answer = speaker.ask(message)

    assert ("error", said, code) == (answer["type"], answer["message"], answer["code"])
    assert "pong" == speaker.ask({"action": "ping"})["type"]


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
def test_the_wrong_field_is_named(speaker: Speaker, details: dict[str, object], field: str) -> None:
    """The detail says which field, and what was expected there."""
    answer = speaker.ask({"action": "subscribe", **details})

    assert "Invalid subscription request" == answer["message"]
    assert f"`{field}`" in answer["detail"]


def test_what_a_client_calls_its_message_is_told_back_in_bounds(speaker: Speaker) -> None:
    """A name of ten thousand letters is cut off."""
    answer = speaker.ask({"action": "x" * 10_000})

    assert f"Unknown action: {'x' * 50}" == answer["message"]


def test_ping(speaker: Speaker) -> None:
    """A sign of life, with the server's time."""
    answer = speaker.ask({"action": "ping"})

    assert {"type", "timestamp"} == answer.keys()
    assert "Z" == answer["timestamp"][-1]


# Channels and history


@pytest.mark.parametrize("channel", ["level2", "news", "alerts"])
def test_a_channel_that_nothing_brings(speaker: Speaker, channel: str) -> None:
    """It is named; what is asked for beside it is subscribed to."""
    answer = speaker.ask(subscribe("BTC", channels=["quotes", channel]))
    error = speaker.hear()

    assert ["quotes"] == answer["channels"]
    assert ("CHANNEL_UNAVAILABLE", [channel]) == (error["code"], error["channels"])
    assert "CHANNEL_UNAVAILABLE" == speaker.ask(subscribe("ETH", channels=[channel]))["code"]
    assert "subscribed" not in [message["type"] for message in speaker.hear_all()]


def test_every_trade_is_told(here: Served, speaker: Speaker) -> None:
    """However many there are in a window, none is left out, and none is told twice."""
    speaker.ask(subscribe("BTC", channels=["trades"]))
    speaker.hear_all()
    # Another source begins to speak: what it had traded before is no news.
    here.price("BTC")
    told = [here.price("BTC").seq for _ in range(30)]
    here.price("ETH")
    said = [speaker.hear() for _ in told]

    assert {"trade"} == {message["type"] for message in said}
    assert told == [message["price"] for message in said]
    assert {
        "type": "trade",
        "symbol": "BTC",
        "price": told[0],
        "size": 0.5,
        "timestamp": "2026-03-04T15:00:00.000Z",
        "source": "binance",
        "price_class": "live",
    } == said[0]
    assert [] == speaker.hear_all()


def test_news_where_there_are_sources(serve: Make) -> None:
    """Those that mention what was asked for, with the fields that the news have elsewhere."""
    here = serve(NEWS_FEEDS="http://127.0.0.1:1/feed")
    with here.speaker(FEED) as speaker:
        answer = speaker.ask(subscribe("BTC", channels=["news"]))
        speaker.hear_all()
        for title, symbol in (("passes by", "ETH"), ("<b>Bitcoin", "BTC")):
            here.market.news._tell([item(title, symbol)], is_news=True)
        told = speaker.hear()
        speaker.ask({"action": "unsubscribe", "symbols": ["BTC"]})
        here.market.news._tell([item("late", "BTC")], is_news=True)
        left = speaker.hear_all()

    assert ["news"] == answer["channels"]
    assert ("news", "<b>Bitcoin", ["BTC"]) == (told["type"], told["title"], told["symbols"])
    assert [] == left


def test_history_is_what_was_traded(here: Served, speaker: Speaker) -> None:
    """The last minutes that were seen, each with the price it closed at; none are made up."""
    for minute in range(4):
        here.market.candles.take(
            quote(
                trade(str(100 + minute), minute, "2", after(60 * minute)),
                symbol="BTC",
                seq=minute + 1,
            )
        )
    here.market.cache._quotes["BTC"] = quote(trade("103", 3), symbol="BTC", seq=4)
    speaker.say(subscribe("BTC", "ETH", history=3))
    said = [speaker.hear_until("history") for _ in range(2)]

    assert ["subscribed", "quote", "history"] == list(
        dict.fromkeys(message["type"] for message in speaker.heard)
    )
    assert ("BTC", "1m", "binance") == tuple(
        said[0][name] for name in ("symbol", "timeframe", "source")
    )
    assert [101, 102, 103] == [bar["price"] for bar in said[0]["data"]]
    assert {
        "timestamp": "2026-03-04T15:01:00.000Z",
        "price": 101,
        "open": 101,
        "high": 101,
        "low": 101,
        "close": 101,
        "volume": 2,
    } == said[0]["data"][0]
    assert ("ETH", []) == (said[1]["symbol"], said[1]["data"])


def test_history_is_rationed(speaker: Speaker) -> None:
    """What is too much is not told, and said so; the symbols are subscribed all the same."""
    speaker.say(subscribe("BTC", "ETH", *[f"S{number}" for number in range(9)], history=500))
    for _ in range(10):
        speaker.say(subscribe("BTC", history=500))
    speaker.ask({"action": "ping"})
    while speaker.heard[-1]["type"] != "pong":
        speaker.hear()
    codes = [message.get("code") for message in speaker.heard if message["type"] == "error"]
    answers = [message for message in speaker.heard if message["type"] == "history"]

    assert "HISTORY_LIMIT_EXCEEDED" in codes
    assert 10 <= len(answers) < 12


# Delivery


def test_within_a_window_only_the_last_value_is_told(here: Served, speaker: Speaker) -> None:
    """Of a hundred changes at once the first may leave, and the last does."""
    speaker.ask(subscribe("BTC"))
    speaker.hear_all()
    prices = [here.price("BTC").seq for _ in range(100)]
    said = []
    while not said or said[-1] != prices[-1]:
        said.append(speaker.hear()["price"])

    assert prices[-1] == said[-1]
    assert len(said) <= 5
    assert sorted(said) == said


def test_clients_with_the_same_symbols_get_the_same_bytes(here: Served) -> None:
    """A quote is written once, for whoever it is."""
    with here.speaker(FEED) as one, here.speaker(FEED) as other:
        for subscriber in (one, other):
            subscriber.ask(subscribe("BTC", "ETH"))
            subscriber.hear_all()
            subscriber.texts.clear()
        last = [here.price("BTC"), here.price("ETH")][-1]
        for subscriber in (one, other):
            while subscriber.hear().get("price") != last.seq:
                pass

    assert one.texts == other.texts


def test_who_does_not_read_is_owed_the_newest(here: Served) -> None:
    """A slow reader skips values, but has the last one when it reads again."""
    with here.speaker(FEED, receive_buffer=4096) as slow:
        slow.ask(subscribe("BTC"))
        raw = slow.raw.sock
        before = here.market.fanout.missed
        while here.market.fanout.missed == before:
            last = here.price("BTC")
            here.market.fanout._pass(at_the_end=True)
        for _ in range(50):
            last = here.price("BTC")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        numbers = []
        while not numbers or numbers[-1] != last.seq:
            numbers.append(slow.hear()["seq"])

    assert sorted(set(numbers)) == numbers


def test_quotes_may_be_compressed(here: Served) -> None:
    """A client that agreed on compression reads the same."""
    url = f"ws://127.0.0.1:{here.port}{FEED}?token={here.token()}"
    with connect(url, compression="deflate") as client:
        client.send(json.dumps(subscribe("BTC")))
        said = [json.loads(client.recv(timeout=PATIENCE)) for _ in range(2)]
        price = here.price("BTC")
        said.append(json.loads(client.recv(timeout=PATIENCE)))

    assert ["subscribed", "quote", "quote"] == [message["type"] for message in said]
    assert price.seq == said[-1]["price"]
