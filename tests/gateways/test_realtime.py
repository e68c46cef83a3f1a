"""The dialect of `/ws/realtime/` over real sockets; portfolios have a file of their own.

Long for a reason: every message of the dialect is here.
"""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec import structs

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
    """The client's user."""
    return here.create_user()


@pytest.fixture
def peer(here: Served, user: int) -> Iterator[Enveloped]:
    """A connected client, after its `connection` message."""
    with program(here, user) as connected:
        yield connected


# The connection message and the envelope


def test_the_connection_message(here: Served, user: int) -> None:
    """It has the ids of the connection and of the user, in an envelope with the time."""
    cookie = here.session(user)
    with Enveloped.open(here.port, REALTIME, cookie, OURS) as page:
        message = page.receive()

    assert {"type", "data", "timestamp"} == message.keys()
    assert "connection" == message["type"]
    assert message["timestamp"].endswith("Z")
    uuid.UUID(message["data"].pop("connection_id"))
    assert {"status": "connected", "authenticated": True, "user_id": user} == message["data"]


def test_the_path_needs_no_slash_at_its_end(here: Served) -> None:
    """Many clients leave it out."""
    with Enveloped.open(here.port, REALTIME.rstrip("/"), f"x-api-key: {here.token()}") as one:
        assert "connection" == one.receive()["type"]


def test_a_handshake_without_rights_is_refused_in_http(here: Served) -> None:
    """No login, a cookie from another site, and a token without the scope."""
    cookie = here.session(here.create_user())

    assert 401 == here.status(REALTIME)[0]
    assert 403 == here.status(REALTIME, cookie, "Origin: https://elsewhere.example")[0]
    assert 403 == here.status(REALTIME, f"x-api-key: {here.token(scopes=SCOPES[1:])}")[0]


def test_ping(peer: Enveloped) -> None:
    """The answer has the time; the other fields of the envelope are ignored."""
    kind, data = peer.answer("ping")
    peer.send({"type": "ping", "data": None, "timestamp": 5})
    again = peer.receive()

    assert ("pong", {"timestamp"}) == (kind, set(data))
    assert "pong" == again["type"]


# Assets


def test_an_asset_is_confirmed_and_then_sent(here: Served, peer: Enveloped) -> None:
    """The confirmation is followed by the current figures, then by every change."""
    first = trades(here, "BTC", "60000.50", opened="60000")
    peer.send_message("subscribe_asset", symbol="btc")
    answer, update = peer.receive(), peer.receive()
    second = trades(here, "BTC", "60300", opened="60000")
    moved = peer.receive_data("asset_update")

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


def test_the_change_of_a_day(here: Served, peer: Enveloped) -> None:
    """It is measured from the price of 24 hours ago, with the digits of the source."""
    trades(here, "BTC", "61015.25", opened="60000")
    peer.send_message("subscribe_asset", symbol="BTC")
    peer.receive_until("asset_update")
    data = json.loads(peer.texts[-1], parse_float=Decimal)["data"]

    assert (Decimal("1015.25"), Decimal("1.6921"), "24h") == (
        data["change"],
        data["change_percent"],
        data["change_basis"],
    )


def test_unknown_values_are_null(peer: Enveloped) -> None:
    """A share without a source has a fixed price, with its price class."""
    peer.send_message("subscribe_asset", symbol="AAPL")
    data = peer.receive_data("asset_update")

    assert "last_resort" == data["price_class"]
    assert {None} == {data[name] for name in ("change", "change_percent", "volume", "high", "low")}


def test_an_asset_without_a_price_has_an_update(here: Served, peer: Enveloped) -> None:
    """The first update is sent at once, without a price."""
    here.market.cache._quotes.pop("AAPL")
    here.market.fanout.forget(["AAPL"])
    peer.send_message("subscribe_asset", symbol="AAPL")
    data = peer.receive_data("asset_update")

    assert ("AAPL", None, None) == (data["symbol"], data["price"], data["price_class"])


def test_an_update_without_changes_is_not_sent(here: Served, peer: Enveloped) -> None:
    """Times and numbers are no changes; a new subscription always gets an update."""
    trades(here, "BTC", "61000")
    peer.answer("subscribe_asset", symbol="BTC")
    first = peer.receive_data("asset_update")
    for price in ("61000", "61000.00", "61000", "61001", "61001", "61000", "61000"):
        before = here.market.fanout.sent
        trades(here, "BTC", price)
        wait_for(lambda before=before: here.market.fanout.sent > before, 30, "its turn")
    prices = [message["data"]["price"] for message in peer.receive_all()]
    peer.answer("subscribe_asset", symbol="BTC")

    assert 61000 == first["price"]
    assert [61001, 61000] == prices
    assert 61000 == peer.receive_data("asset_update")["price"]


def test_unsubscribing_ends_the_updates(here: Served, peer: Enveloped) -> None:
    """Released assets are not sent any more; the others are."""
    for symbol in ("BTC", "ETH"):
        peer.answer("subscribe_asset", symbol=symbol)
    answer = peer.answer("unsubscribe_asset", symbol="BTC")
    here.price("BTC")
    last = here.price("ETH")
    while peer.receive_data("asset_update")["seq"] != last.seq:
        pass
    after = peer.received[-1:]

    assert ("unsubscription_confirmed", {"type": "asset", "symbol": "BTC"}) == answer
    assert ["ETH"] == [message["data"]["symbol"] for message in after]
    assert [] == peer.receive_all()


def test_all_clients_get_the_same_bytes(here: Served, peer: Enveloped, user: int) -> None:
    """An update is encoded once for all clients."""
    with program(here, user) as other:
        for subscriber in (peer, other):
            subscriber.answer("subscribe_asset", symbol="BTC")
            subscriber.receive_all()
            subscriber.texts.clear()
        here.price("BTC")
        for subscriber in (peer, other):
            subscriber.receive_until("asset_update")

    assert peer.texts == other.texts


# The current price


def test_the_current_price(here: Served, peer: Enveloped) -> None:
    """The answer has its time, class and source."""
    quote = trades(here, "BTC", "61000.25")
    kind, data = peer.answer("get_asset_price", symbol="btc")

    assert "asset_price" == kind
    assert {"symbol": "BTC", "price": 61000.25, "last_price": 61000.25} == {
        name: data[name] for name in ("symbol", "price", "last_price")
    }
    assert ("live", "binance") == (data["price_class"], data["source"])
    assert quote.received_at.isoformat(timespec="milliseconds")[:23] == data["timestamp"][:23]


def test_an_old_price_is_not_current(serve: Make) -> None:
    """After REALTIME_CACHE_TIMEOUT it is only the last price."""
    here = serve(REALTIME_CACHE_TIMEOUT="1")
    quote = trades(here, "BTC", "61000")
    old = structs.replace(quote, confirmed_at=datetime.now(UTC) - timedelta(2))
    here.market.cache._quotes["BTC"] = old
    with program(here, here.create_user()) as peer:
        _, data = peer.answer("get_asset_price", symbol="BTC")

    assert (None, 61000) == (data["price"], data["last_price"])
    assert data["age_seconds"] > 172_000


def test_a_fixed_price_is_not_current(peer: Enveloped) -> None:
    """At any age."""
    _, data = peer.answer("get_asset_price", symbol="AAPL")

    assert (None, "last_resort") == (data["price"], data["price_class"])
    assert data["last_price"] > 0


# Invalid messages


@pytest.mark.parametrize(
    ("message", "expected"),
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
def test_an_invalid_message_is_answered_and_the_connection_stays_open(
    peer: Enveloped, message: str, expected: str
) -> None:
    """With the exact error message, in an envelope."""
    peer.send(message)
    answer = peer.receive()

    assert ("error", expected) == (answer["type"], answer["data"]["message"])
    assert {"type", "data", "timestamp"} == answer.keys()
    assert "pong" == peer.answer("ping")[0]


def test_the_wrong_field_is_named(peer: Enveloped) -> None:
    """The detail has the field and what was expected."""
    for kind, field in (("subscribe_asset", "symbol"), ("get_portfolio_value", "portfolio_id")):
        _, data = peer.answer(kind, **{field: []})
        assert f"`$.data.{field}`" in data["detail"]


def test_an_unknown_symbol_is_cut_in_the_answer(peer: Enveloped) -> None:
    """Of ten thousand characters twenty are sent back."""
    answer = peer.answer("subscribe_asset", symbol="x" * 10_000)

    assert f"Unknown symbol: {'X' * 20}" == error(answer)


def test_ten_bad_messages_close_it(peer: Enveloped) -> None:
    """Unknown symbols and others' portfolios are no bad messages, invalid JSON is."""
    for _ in range(11):
        peer.answer("subscribe_asset", symbol="NOPE")
        peer.answer("subscribe_portfolio", portfolio_id=9)
    for _ in range(10):
        peer.send("{")

    assert (1008, "too many bad messages") == peer.end()


def test_the_limit_counts_assets_and_portfolios_together(serve: Make) -> None:
    """Subscriptions held already do not count again, released ones do not count any more."""
    here = serve(MAX_SUBSCRIPTIONS_PER_CONNECTION="2")
    user = here.create_user()
    number = hold(here, user)
    with program(here, user) as peer:
        peer.answer("subscribe_asset", symbol="BTC")
        peer.answer("subscribe_portfolio", portfolio_id=number)
        beyond = peer.answer("subscribe_asset", symbol="ETH")
        again = peer.answer("subscribe_portfolio", portfolio_id=number)
        peer.answer("unsubscribe_portfolio", portfolio_id=number)
        room = peer.answer("subscribe_asset", symbol="ETH")

    assert "Subscription limit reached (2)" == error(beyond)
    assert "ETH" == beyond[1]["symbol"]
    assert "subscription_confirmed" == again[0] == room[0]


def test_fifty_is_the_default_limit(here: Served, user: int, peer: Enveloped) -> None:
    """The error contains it."""
    (client,) = here.registry.clients()
    client.accept(range(50))

    assert "Subscription limit reached (50)" == error(peer.answer("subscribe_asset", symbol="BTC"))


def test_a_plain_request_is_426(here: Served) -> None:
    """There is no page at this path."""
    assert upgrade(REALTIME).startswith(b"GET /ws/realtime/ ")
    assert 426 == here.app.test_client().get(REALTIME).status_code
