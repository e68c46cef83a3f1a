"""Requests of pages over Socket.IO and the events sent to them, over real sockets.

Long for a reason: one app is shared by all of these tests.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from omcrm import extensions
from omcrm.services import services_of
from omcrm.storage.user import Role
from tests.processes import (
    App,
    Browser,
    DeskClient,
    Exchange,
    wait_for,
)
from tests.values import PRICE_UPDATE_FIELDS
from tests.webtrader.refused_page import refusal

STATUS_FIELDS = {
    "state",
    "active",
    "type",
    "url",
    "connected_since",
    "last_message_at",
    "messages",
    "reconnects",
    "last_error",
}


@pytest.fixture
def page(client: Browser) -> Iterator[DeskClient]:
    """A connected page of the client."""
    with client.desk() as connected:
        yield connected


def event_after(page: DeskClient, event: str, count: int = 0) -> Any:
    """The body of the event that comes after `count` of them."""
    wait_for(lambda: len(page.bodies(event)) > count, 5, event)
    return page.bodies(event)[count]


# Connecting


def test_an_anonymous_connection_is_refused(served: App) -> None:
    """The reason is that authentication is required."""
    assert "authentication required" in refusal(Browser(served.base))


def test_a_forged_session_is_refused(served: App) -> None:
    """A cookie that we did not sign counts as none."""
    browser = Browser(served.base)
    browser.http.cookies.set("omcrm_session", "eyJfdXNlcl9pZCI6IjEifQ.aaaa.bbbb")

    assert "authentication required" in refusal(browser)


def test_a_foreign_origin_is_refused(served: App, client: Browser) -> None:
    """Another site's page cannot use the session, on any transport; our own can."""
    for transport in ("websocket", "polling"):
        answer = client.get(
            f"/socket.io/?EIO=4&transport={transport}", headers={"Origin": "https://evil.example"}
        )
        assert 403 == answer.status_code
    with client.desk() as page:  # its library sends our own origin
        assert page.connected


def test_polling_then_upgrade(client: Browser) -> None:
    """A client that begins with polling ends on a WebSocket."""
    with client.desk(transports=("polling", "websocket")) as page:
        page.subscribe("BTC")

        assert "websocket" == page.client.transport()
        event_after(page, "price_update")


def test_twenty_one_pages(served: App) -> None:
    """A user's 21st page is refused in plain words, and accepted after another has closed."""
    browser = served.new_browser()
    open_pages = [browser.desk() for _ in range(20)]
    try:
        assert "too many open pages" in refusal(browser)
        open_pages.pop().close()
        time.sleep(0.3)
        open_pages.append(browser.desk())
        assert open_pages[-1].connected
    finally:
        for page in open_pages:
            page.close()


def test_a_page_that_fails_to_connect_does_not_count(
    app: Flask, browser: Callable[[Role], FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If connecting fails on our side, the user may try again as often as before."""

    def fail() -> None:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr("omcrm.web.feed_control.start_for_viewer", fail)
    with contextlib.suppress(RuntimeError):
        extensions.socketio.test_client(
            app, namespace="/webtrader", flask_test_client=browser(Role.CLIENT)
        )

    assert not services_of(app).client_registry


def test_logout_drops_the_pages(served: App) -> None:
    """Logging out disconnects the pages of that session, and only those."""
    email = f"{secrets.token_hex(4)}@example.com"
    served.create_user(email)
    leaving, staying = served.log_in(email), served.log_in(email)
    with leaving.desk() as gone, staying.desk() as kept:
        token = leaving.csrf("/webtrader/dashboard")
        assert 302 == leaving.post("/auth/logout", data={"csrf_token": token}).status_code

        wait_for(lambda: not gone.connected, 5, "the page to be dropped")
        assert kept.connected
        assert "timestamp" in kept.call("ping")


def test_disabling_drops_the_pages(served: App) -> None:
    """A disabled user's pages are disconnected within five seconds."""
    email = f"{secrets.token_hex(4)}@example.com"
    served.create_user(email)
    with served.log_in(email).desk() as page:
        page.subscribe("BTC")
        served.run("manage.py", "disable-user", "--email", email)

        wait_for(lambda: not page.connected, 5, "the page to be dropped")


# Requests and events


def test_connection_status_comes_first(page: DeskClient) -> None:
    """On connect a page gets the status of every source."""
    body = event_after(page, "connection_status")

    assert "connection_status" == page.events[0][0]
    assert {"binance"} == set(body)
    assert set(body["binance"]) >= STATUS_FIELDS


def test_subscribe(page: DeskClient) -> None:
    """A snapshot of every symbol, then the success, then changes."""
    answer = page.subscribe("BTC", "AAPL")
    success = event_after(page, "subscription_success")

    assert "Subscribed to 2 instruments" == success["message"]
    assert answer == success
    assert {"message", "instruments", "rejected", "epoch", "seq", "max_rate"} == set(success)
    assert 10 == success["max_rate"]
    assert [
        {"id": 1, "symbol": "BTC", "name": "Bitcoin", "type": "crypto"},
        {"id": 9, "symbol": "AAPL", "name": "Apple", "type": "stock"},
    ] == success["instruments"]
    assert [] == success["rejected"]
    before = page.events[: [name for name, _ in page.events].index("subscription_success")]
    snapshot = [body["symbol"] for name, body in before if name == "price_update"]
    assert {"BTC", "AAPL"} == set(snapshot)
    assert set(page.prices("BTC")[0]) >= PRICE_UPDATE_FIELDS
    assert "live" == page.prices("BTC")[0]["price_class"]
    assert "last_resort" == page.prices("AAPL")[0]["price_class"]
    wait_for(lambda: len(page.prices("BTC")) > 3, 10, "changes")
    numbers = [price["seq"] for price in page.prices("BTC")]
    assert sorted(numbers) == numbers
    assert numbers[0] <= success["seq"] < numbers[-1]


def test_subscribe_by_id_and_mixed(page: DeskClient) -> None:
    """Ids work like symbols; what is unknown is named."""
    answer = page.call(
        "subscribe_to_instruments", {"instrument_ids": [2, 999], "symbols": ["ETH", "NOPE"]}
    )

    assert ["ETH"] == [instrument["symbol"] for instrument in answer["instruments"]]
    assert {"NOPE", None} == {rejection["symbol"] for rejection in answer["rejected"]}
    assert {"UNKNOWN_SYMBOL"} == {rejection["code"] for rejection in answer["rejected"]}


def test_only_unknown_symbols(page: DeskClient) -> None:
    """Nothing but unknown symbols is an error that names them."""
    answer = page.subscribe("NOPE")

    assert "UNKNOWN_SYMBOL" == answer["code"]
    assert "NOPE" in event_after(page, "subscription_error")["message"]
    assert [] == page.bodies("subscription_success")


def test_unsubscribe_really_stops(page: DeskClient) -> None:
    """After the answer no further update comes."""
    page.subscribe("BTC", "ETH")
    answer = page.call("unsubscribe_from_instruments", {"symbols": ["BTC"]})
    time.sleep(0.2)
    before = len(page.prices("BTC"))
    others = len(page.prices("ETH"))
    wait_for(lambda: len(page.prices("ETH")) > others + 3, 10, "the other symbol")

    assert ["BTC"] == answer["symbols"]
    assert before == len(page.prices("BTC"))


def test_events_keep_their_order(
    tmp_path_factory: pytest.TempPathFactory, market: Exchange
) -> None:
    """Subscribing and unsubscribing back to back ends unsubscribed, also under threads."""
    environ = {"BINANCE_WS_URL": market.url, "OMCRM_ASYNC": "threading"}
    with App(tmp_path_factory.mktemp("threads"), environ) as app:
        browser = app.new_browser()
        for _ in range(5):
            with browser.desk() as page:
                for _ in range(8):
                    page.send("subscribe_to_instruments", {"symbols": ["BTC"]})
                    page.send("unsubscribe_from_instruments", {"symbols": ["BTC"]})
                assert "timestamp" in page.call("ping")
                before = len(page.prices("BTC"))
                time.sleep(0.6)

                assert before == len(page.prices("BTC"))


def test_too_many_subscriptions(page: DeskClient) -> None:
    """Symbols beyond the page's limit are refused, in plain words; the rest is served."""
    instruments = list(range(1, 25))
    answer = page.call("subscribe_to_instruments", {"instrument_ids": instruments})

    assert 20 == len(answer["instruments"])
    assert 4 == len(answer["rejected"])
    assert {"LIMIT_EXCEEDED"} == {rejection["code"] for rejection in answer["rejected"]}
    assert "LIMIT_EXCEEDED" == event_after(page, "subscription_error")["code"]
    refused = {rejection["symbol"] for rejection in answer["rejected"]}
    assert not refused & {body["symbol"] for body in page.bodies("price_update")}


def test_resuming_does_not_lift_the_limit(page: DeskClient) -> None:
    """The limit applies whatever a page claims to have had."""
    before = page.call("subscribe_to_instruments", {"instrument_ids": list(range(1, 21))})
    since = {"epoch": before["epoch"], "seq": before["seq"]}
    body = {"instrument_ids": [21, 22], "since": since, "max_rate": 1}
    answer = page.call("subscribe_to_instruments", body)

    assert "LIMIT_EXCEEDED" == answer["code"]
    assert 2 == len(answer["rejected"])
    assert "epoch" not in answer


def test_three_hundred_symbols(page: DeskClient) -> None:
    """Of three hundred unknown names those beyond the limit are rejected for the limit."""
    answer = page.subscribe(*(f"X{number}" for number in range(300)))
    codes = [rejection["code"] for rejection in answer["rejected"]]

    assert "LIMIT_EXCEEDED" == answer["code"]
    assert "LIMIT_EXCEEDED" == event_after(page, "subscription_error")["code"]
    assert ["UNKNOWN_SYMBOL"] * 20 + ["LIMIT_EXCEEDED"] * 280 == codes
    assert "timestamp" in page.call("ping")


@pytest.mark.parametrize(
    "body",
    [
        None,
        "BTC",
        7,
        [],
        {},
        {"symbols": "BTC"},
        {"symbols": [1]},
        {"symbols": [{"a": 1}]},
        {"symbols": [None]},
        {"symbols": [""]},
        {"symbols": ["B" * 21]},
        {"instrument_ids": ["1"]},
        {"instrument_ids": [1.5]},
        {"symbols": ["BTC"] * 1001},
    ],
)
def test_bodies_of_the_wrong_shape(page: DeskClient, body: Any) -> None:
    """Anything but the schema is refused with a message, and the page stays connected."""
    answer = page.call("subscribe_to_instruments", body)

    assert "INVALID_PAYLOAD" == answer["code"]
    assert answer["message"].startswith("invalid payload")
    assert "INVALID_PAYLOAD" == event_after(page, "subscription_error")["code"]
    assert "timestamp" in page.call("ping")


def test_unknown_event(page: DeskClient) -> None:
    """An unknown event counts as a bad message."""
    page.send("stop_realtime_feeds", {})

    assert "INVALID_PAYLOAD" == event_after(page, "subscription_error")["code"]


def test_an_event_that_names_another_page(page: DeskClient, client: Browser) -> None:
    """An event with the library's catch-all name counts as a bad message of its sender."""
    with client.desk() as other:
        for _ in range(9):
            page.send("*", other.client.get_sid("/webtrader"))
        wait_for(lambda: len(page.bodies("subscription_error")) == 9, 20, "the refusals")

        assert {"INVALID_PAYLOAD"} == {body["code"] for body in page.bodies("subscription_error")}
        page.send("*", other.client.get_sid("/webtrader"))
        wait_for(lambda: not page.connected, 20, "the end")
        other.call("ping")

        assert [] == other.bodies("subscription_error")


def test_ten_bad_messages_close(page: DeskClient) -> None:
    """Ten bad messages in ten seconds end the connection."""
    for _ in range(10):
        page.send("subscribe_to_instruments", "nonsense")

    wait_for(lambda: not page.connected, 5, "the end")


def test_too_many_messages(page: DeskClient) -> None:
    """A burst beyond the rate is refused and, if it continues, ends the connection."""
    for _ in range(80):
        page.send("ping")

    wait_for(lambda: not page.connected, 5, "the end")
    assert "LIMIT_EXCEEDED" == page.bodies("subscription_error")[0]["code"]


def test_an_oversized_message_closes(page: DeskClient) -> None:
    """A message above 16 KiB ends the connection."""
    page.send("subscribe_to_instruments", {"symbols": ["A" * 20_000]})

    wait_for(lambda: not page.connected, 5, "the end")


def test_price_history(page: DeskClient) -> None:
    """Candles are built from received prices; the last one ends at the latest price."""
    page.subscribe("BTC")
    history = page.call("get_price_history", {"symbol": "BTC", "timeframe": "1m", "limit": 10})

    assert ("BTC", "1m") == (history["symbol"], history["timeframe"])
    assert 1 <= len(history["data"]) <= 10
    candle = history["data"][-1]
    figures = {"timestamp", "open", "high", "low", "close", "volume", "price_basis"}

    assert figures == set(candle)
    assert candle["low"] <= candle["close"] <= candle["high"]
    assert history == event_after(page, "price_history")


def test_price_history_without_trades(page: DeskClient) -> None:
    """A symbol that never traded has no candles, and none are made up."""
    history = page.call("get_price_history", {"symbol": "EURUSD", "timeframe": "1h", "limit": 5})

    assert [] == history["data"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"symbol": "NOPE"}, "UNKNOWN_SYMBOL"),
        ({"symbol": "BTC", "timeframe": "2m"}, "INVALID_PAYLOAD"),
        ({"symbol": "BTC", "limit": 0}, "INVALID_PAYLOAD"),
        ({"symbol": "BTC", "limit": "5"}, "INVALID_PAYLOAD"),
        ({}, "INVALID_PAYLOAD"),
    ],
)
def test_price_history_refused(page: DeskClient, body: dict[str, Any], code: str) -> None:
    """An invalid request for candles names what is wrong."""
    assert code == page.call("get_price_history", body)["code"]


def test_market_status(page: DeskClient) -> None:
    """Every market with its session, and the number of active feeds."""
    status = page.call("get_market_status")

    assert ["crypto", "XNYS", "forex"] == [market["name"] for market in status["markets"]]
    assert (1, 1) == (status["active_data_feeds"], status["total_data_feeds"])
    assert isinstance(status["is_market_hours"], bool)
    assert status["markets"][0]["is_open"]


def test_ping(page: DeskClient) -> None:
    """A ping is answered with the server's time."""
    page.send("ping")

    assert event_after(page, "pong")["timestamp"].endswith("Z")
