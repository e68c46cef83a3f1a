"""The dialect of `/ws/realtime/`, over real sockets; portfolios are in a file of their own.

Long for a reason: it is the whole conversation.
"""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.gateways.enveloped import REALTIME, SCOPES, Enveloped, error, hold, program, trades
from tests.gateways.here import OURS, Make, Served
from tests.processes import wait_for
from tests.streaming.raw_client import upgrade

ASSET_FIELDS = {
    "symbol",
    "price",
    "change",
    "change_percent",
    "volume",
    "high",
    "low",
    "timestamp",
}


@pytest.fixture
def user(here: Served) -> int:
    """The owner of the program."""
    return here.create_user()


@pytest.fixture
def speaker(here: Served, user: int) -> Iterator[Enveloped]:
    """A connected program, after its greeting."""
    with program(here, user) as connected:
        yield connected


# The greeting and the envelope


def test_who_connects_is_greeted(here: Served, user: int) -> None:
    """With an id of the connection and of the user, in an envelope with the time."""
    cookie = here.session(user)
    with Enveloped.open(here.port, REALTIME, cookie, OURS) as page:
        said = page.hear()

    assert {"type", "data", "timestamp"} == said.keys()
    assert "connection" == said["type"]
    assert said["timestamp"].endswith("Z")
    uuid.UUID(said["data"].pop("connection_id"))
    assert {"status": "connected", "authenticated": True, "user_id": user} == said["data"]


def test_the_address_needs_no_slash_at_its_end(here: Served) -> None:
    """As many clients write it."""
    with Enveloped.open(here.port, REALTIME.rstrip("/"), f"x-api-key: {here.token()}") as one:
        assert "connection" == one.hear()["type"]


def test_a_stranger_is_refused_before_the_upgrade(here: Served) -> None:
    """Without a login there is no WebSocket, and a page of another site gets none with one."""
    cookie = here.session(here.create_user())

    assert 401 == here.status(REALTIME)[0]
    assert 403 == here.status(REALTIME, cookie, "Origin: https://elsewhere.example")[0]
    assert 403 == here.status(REALTIME, f"x-api-key: {here.token(scopes=SCOPES[1:])}")[0]


def test_ping(speaker: Enveloped) -> None:
    """A sign of life with the time, whatever the envelope has besides."""
    kind, data = speaker.answer("ping")
    speaker.say({"type": "ping", "data": None, "timestamp": 5})
    again = speaker.hear()

    assert ("pong", {"timestamp"}) == (kind, set(data))
    assert "pong" == again["type"]


# Assets


def test_an_asset_is_confirmed_and_then_told(here: Served, speaker: Enveloped) -> None:
    """First the answer, then the current figures, then every change."""
    first = trades(here, "BTC", "60000.50", opened="60000")
    speaker.tell("subscribe_asset", symbol="btc")
    answer, update = speaker.hear(), speaker.hear()
    second = trades(here, "BTC", "60300", opened="60000")
    moved = speaker.told("asset_update")

    assert ("subscription_confirmed", {"type": "asset", "symbol": "BTC"}) == (
        answer["type"],
        answer["data"],
    )
    assert "asset_update" == update["type"]
    assert ASSET_FIELDS < update["data"].keys()
    assert (60000.5, first.seq, "live", "binance") == tuple(
        update["data"][name] for name in ("price", "seq", "price_class", "source")
    )
    assert (60300, second.seq) == (moved["price"], moved["seq"])


def test_the_change_of_a_day(here: Served, speaker: Enveloped) -> None:
    """Counted from the price of 24 hours ago, in the digits of the source."""
    trades(here, "BTC", "61015.25", opened="60000")
    speaker.tell("subscribe_asset", symbol="BTC")
    speaker.hear_until("asset_update")
    said = json.loads(speaker.texts[-1], parse_float=Decimal)["data"]

    assert (Decimal("1015.25"), Decimal("1.6921"), "24h") == (
        said["change"],
        said["change_percent"],
        said["change_basis"],
    )


def test_what_is_not_known_is_null(speaker: Enveloped) -> None:
    """Of a share without a source there is a fixed price, and it says so."""
    speaker.tell("subscribe_asset", symbol="AAPL")
    said = speaker.told("asset_update")

    assert "last_resort" == said["price_class"]
    assert {None} == {said[name] for name in ("change", "change_percent", "volume", "high", "low")}


def test_an_asset_without_any_price_is_told_as_such(here: Served, speaker: Enveloped) -> None:
    """Nobody waits for the first update in vain."""
    here.market.cache._quotes.pop("AAPL")
    here.market.fanout.forget(["AAPL"])
    speaker.tell("subscribe_asset", symbol="AAPL")
    said = speaker.told("asset_update")

    assert ("AAPL", None, None) == (said["symbol"], said["price"], said["price_class"])


def test_an_update_tells_something_new(here: Served, speaker: Enveloped) -> None:
    """What differs in its times and its number only is not sent; what is asked for always is."""
    trades(here, "BTC", "61000")
    speaker.answer("subscribe_asset", symbol="BTC")
    first = speaker.told("asset_update")
    for price in ("61000", "61000.00", "61000", "61001", "61001", "61000", "61000"):
        before = here.market.fanout.told
        trades(here, "BTC", price)
        wait_for(lambda before=before: here.market.fanout.told > before, 30, "its turn")
    told = [message["data"]["price"] for message in speaker.hear_all()]
    speaker.answer("subscribe_asset", symbol="BTC")

    assert 61000 == first["price"]
    assert [61001, 61000] == told
    assert 61000 == speaker.told("asset_update")["price"]


def test_unsubscribing_ends_the_updates(here: Served, speaker: Enveloped) -> None:
    """What was let go of is not told any more; the rest is."""
    for symbol in ("BTC", "ETH"):
        speaker.answer("subscribe_asset", symbol=symbol)
    answer = speaker.answer("unsubscribe_asset", symbol="BTC")
    here.price("BTC")
    last = here.price("ETH")
    while speaker.told("asset_update")["seq"] != last.seq:
        pass
    after = speaker.heard[-1:]

    assert ("unsubscription_confirmed", {"type": "asset", "symbol": "BTC"}) == answer
    assert ["ETH"] == [message["data"]["symbol"] for message in after]
    assert [] == speaker.hear_all()


def test_everybody_gets_the_same_bytes(here: Served, speaker: Enveloped, user: int) -> None:
    """An update is written once, for whoever it is."""
    with program(here, user) as other:
        for subscriber in (speaker, other):
            subscriber.answer("subscribe_asset", symbol="BTC")
            subscriber.hear_all()
            subscriber.texts.clear()
        here.price("BTC")
        for subscriber in (speaker, other):
            subscriber.hear_until("asset_update")

    assert speaker.texts == other.texts


# One price, now


def test_the_current_price(here: Served, speaker: Enveloped) -> None:
    """With its time, class and source."""
    quote = trades(here, "BTC", "61000.25")
    kind, data = speaker.answer("get_asset_price", symbol="btc")

    assert "asset_price" == kind
    assert {"symbol": "BTC", "price": 61000.25, "last_price": 61000.25} == {
        name: data[name] for name in ("symbol", "price", "last_price")
    }
    assert ("live", "binance") == (data["price_class"], data["source"])
    assert quote.said.received_at.isoformat(timespec="milliseconds")[:23] == data["timestamp"][:23]


def test_an_old_price_is_no_current_one(serve: Make) -> None:
    """After REALTIME_CACHE_TIMEOUT it is only the last one."""
    here = serve(REALTIME_CACHE_TIMEOUT="1")
    quote = trades(here, "BTC", "61000")
    said = quote.said
    old = type(said)(said.symbol, said.source, datetime.now(UTC) - timedelta(2), said.trade)
    here.market.cache._quotes["BTC"] = type(quote)("BTC", quote.seq, quote.price_class, old)
    with program(here, here.create_user()) as speaker:
        _, data = speaker.answer("get_asset_price", symbol="BTC")

    assert (None, 61000) == (data["price"], data["last_price"])
    assert data["age_seconds"] > 172_000


def test_a_fixed_price_is_no_current_one(speaker: Enveloped) -> None:
    """However long ago the server began."""
    _, data = speaker.answer("get_asset_price", symbol="AAPL")

    assert (None, "last_resort") == (data["price"], data["price_class"])
    assert data["last_price"] > 0


# What is wrong with a message


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("{", "Invalid JSON format"),
        ("", "Invalid JSON format"),
        ("[]", "Invalid JSON format"),
        ("[" * 5000, "Invalid JSON format"),
        ("{}", "Unknown message type: null"),
        ('{"type":"X"}', "Unknown message type: X"),
        ('{"type":"subscribe_asset"}', "Symbol is required"),
        ('{"type":"subscribe_asset","data":{}}', "Symbol is required"),
        ('{"type":"subscribe_asset","data":{"symbol":""}}', "Symbol is required"),
        ('{"type":"subscribe_asset","data":{"symbol":" "}}', "Symbol is required"),
        ('{"type":"subscribe_asset","data":{"symbol":7}}', "Symbol is required"),
        ('{"type":"unsubscribe_asset","data":null}', "Symbol is required"),
        ('{"type":"get_asset_price","data":[]}', "Symbol is required"),
        ('{"type":"subscribe_asset","data":{"symbol":"nope"}}', "Unknown symbol: NOPE"),
        ('{"type":"unsubscribe_asset","data":{"symbol":"nope"}}', "Unknown symbol: NOPE"),
        ('{"type":"get_asset_price","data":{"symbol":"nope"}}', "Unknown symbol: NOPE"),
        ('{"type":"subscribe_portfolio","data":{}}', "Access denied to portfolio"),
        (
            '{"type":"get_portfolio_value","data":{"portfolio_id":"x"}}',
            "Access denied to portfolio",
        ),
        (
            '{"type":"unsubscribe_portfolio","data":{"portfolio_id":null}}',
            "Access denied to portfolio",
        ),
    ],
)
def test_what_is_wrong_is_said_and_the_connection_lives(
    speaker: Enveloped, message: str, said: str
) -> None:
    """Word for word, in the envelope."""
    speaker.say(message)
    answer = speaker.hear()

    assert ("error", said) == (answer["type"], answer["data"]["message"])
    assert {"type", "data", "timestamp"} == answer.keys()
    assert "pong" == speaker.answer("ping")[0]


def test_the_wrong_field_is_named(speaker: Enveloped) -> None:
    """The detail says which, and what was expected there."""
    for kind, field in (("subscribe_asset", "symbol"), ("get_portfolio_value", "portfolio_id")):
        _, data = speaker.answer(kind, **{field: []})
        assert f"`$.data.{field}`" in data["detail"]


def test_what_a_client_calls_a_symbol_is_told_back_in_bounds(speaker: Enveloped) -> None:
    """A name of ten thousand letters is cut off."""
    answer = speaker.answer("subscribe_asset", symbol="x" * 10_000)

    assert f"Unknown symbol: {'X' * 20}" == error(answer)


def test_ten_bad_messages_close_it(speaker: Enveloped) -> None:
    """Unknown symbols and foreign portfolios are no bad messages, nonsense is."""
    for _ in range(11):
        speaker.answer("subscribe_asset", symbol="NOPE")
        speaker.answer("subscribe_portfolio", portfolio_id=9)
    for _ in range(10):
        speaker.say("{")

    assert (1008, "too many bad messages") == speaker.end()


def test_the_limit_counts_assets_and_portfolios_together(serve: Make) -> None:
    """What is held already is no more of them, and there is room again after unsubscribing."""
    here = serve(MAX_SUBSCRIPTIONS_PER_CONNECTION="2")
    user = here.create_user()
    number = hold(here, user)
    with program(here, user) as speaker:
        speaker.answer("subscribe_asset", symbol="BTC")
        speaker.answer("subscribe_portfolio", portfolio_id=number)
        beyond = speaker.answer("subscribe_asset", symbol="ETH")
        again = speaker.answer("subscribe_portfolio", portfolio_id=number)
        speaker.answer("unsubscribe_portfolio", portfolio_id=number)
        room = speaker.answer("subscribe_asset", symbol="ETH")

    assert "Subscription limit reached (2)" == error(beyond)
    assert "ETH" == beyond[1]["symbol"]
    assert "subscription_confirmed" == again[0] == room[0]


def test_fifty_is_the_limit_as_it_comes(here: Served, user: int, speaker: Enveloped) -> None:
    """The words name it."""
    (client,) = here.registry.clients()
    client.accept(range(50))

    assert "Subscription limit reached (50)" == error(
        speaker.answer("subscribe_asset", symbol="BTC")
    )


def test_a_plain_request_is_told_to_upgrade(here: Served) -> None:
    """Nothing is at this address for who speaks HTTP."""
    assert upgrade(REALTIME).startswith(b"GET /ws/realtime/ ")
    assert 426 == here.app.test_client().get(REALTIME).status_code
