"""What pages may ask over Socket.IO and what they are told, over real sockets.

Long for a reason: one app serves all of these stories.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import socketio
from flask import Flask
from flask.testing import FlaskClient

from omcrm import extensions
from omcrm.storage.user import Role
from omcrm.webtrader import service
from tests.processes import App, Browser, DeskClient, Exchange, close_client, wait_for
from tests.values import PRICE_UPDATE_FIELDS

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
def pages(client: Browser) -> Iterator[DeskClient]:
    """A connected page of the client."""
    with client.pages() as connected:
        yield connected


def event_after(pages: DeskClient, event: str, count: int = 0) -> Any:
    """The body of the event that comes after `count` of them."""
    wait_for(lambda: len(pages.bodies(event)) > count, 5, event)
    return pages.bodies(event)[count]


# Who may connect


def refusal(browser: Browser, **headers: str) -> str:
    """What a connection is refused with."""
    client = socketio.Client(reconnection=False)
    said: list[Any] = []
    client.on("connect_error", said.append, namespace="/webtrader")
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(
            browser.base,
            headers={"Cookie": browser.cookies(), **headers},
            namespaces=["/webtrader"],
            transports=["websocket"],
        )
    close_client(client)
    return str(said)


def test_an_anonymous_connection_is_refused(served: App) -> None:
    """A stranger is told that authentication is required."""
    assert "authentication required" in refusal(Browser(served.base))


def test_a_forged_session_is_refused(served: App) -> None:
    """A cookie that we did not sign is a stranger's."""
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
    with client.pages() as pages:  # its library sends our own origin
        assert pages.connected


def test_polling_then_upgrade(client: Browser) -> None:
    """A client that begins with polling ends on a WebSocket."""
    with client.pages(transports=("polling", "websocket")) as pages:
        pages.subscribe("BTC")

        assert "websocket" == pages.client.transport()
        event_after(pages, "price_update")


def test_twenty_one_pages(served: App) -> None:
    """A user's 21st page is refused in plain words, and may come once another has gone."""
    browser = served.new_browser()
    desks = [browser.pages() for _ in range(20)]
    try:
        assert "too many open pages" in refusal(browser)
        desks.pop().close()
        time.sleep(0.3)
        desks.append(browser.pages())
        assert desks[-1].connected
    finally:
        for pages in desks:
            pages.close()


def test_a_page_that_cannot_be_served_takes_no_seat(
    app: Flask, browser: Callable[[Role], FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where connecting fails on our side, the user may come again as often as before."""

    def fail() -> None:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr("omcrm.web.feed_control.start_for_viewer", fail)
    with contextlib.suppress(RuntimeError):
        extensions.socketio.test_client(
            app, namespace="/webtrader", flask_test_client=browser(Role.CLIENT)
        )

    assert 0 == app.extensions[service.PAGES].counts()["connections"]


def test_logout_drops_the_pages(served: App) -> None:
    """Logging out disconnects the pages of that session, and only those."""
    email = f"{secrets.token_hex(4)}@example.com"
    served.create_user(email)
    leaving, staying = served.log_in(email), served.log_in(email)
    with leaving.pages() as gone, staying.pages() as kept:
        token = leaving.csrf("/webtrader/dashboard")
        assert 302 == leaving.post("/auth/logout", data={"csrf_token": token}).status_code

        wait_for(lambda: not gone.connected, 5, "the page to be dropped")
        assert kept.connected
        assert "timestamp" in kept.call("ping")


def test_disabling_drops_the_pages(served: App) -> None:
    """A disabled user's pages are disconnected within five seconds."""
    email = f"{secrets.token_hex(4)}@example.com"
    served.create_user(email)
    with served.log_in(email).pages() as pages:
        pages.subscribe("BTC")
        served.run("manage.py", "disable-user", "--email", email)

        wait_for(lambda: not pages.connected, 5, "the page to be dropped")


# What a page is told


def test_connection_status_comes_first(pages: DeskClient) -> None:
    """On connect a page is told how every source is doing."""
    body = event_after(pages, "connection_status")

    assert "connection_status" == pages.events[0][0]
    assert {"binance"} == set(body)
    assert set(body["binance"]) >= STATUS_FIELDS


def test_subscribe(pages: DeskClient) -> None:
    """A snapshot of every symbol, then the success, then changes."""
    answer = pages.subscribe("BTC", "AAPL")
    success = event_after(pages, "subscription_success")

    assert "Subscribed to 2 instruments" == success["message"]
    assert answer == success
    assert {"message", "instruments", "rejected", "epoch", "seq", "max_rate"} == set(success)
    assert 10 == success["max_rate"]
    assert [
        {"id": 1, "symbol": "BTC", "name": "Bitcoin", "type": "crypto"},
        {"id": 9, "symbol": "AAPL", "name": "Apple", "type": "stock"},
    ] == success["instruments"]
    assert [] == success["rejected"]
    before = pages.events[: [name for name, _ in pages.events].index("subscription_success")]
    snapshot = [body["symbol"] for name, body in before if name == "price_update"]
    assert {"BTC", "AAPL"} == set(snapshot)
    assert set(pages.prices("BTC")[0]) >= PRICE_UPDATE_FIELDS
    assert "live" == pages.prices("BTC")[0]["price_class"]
    assert "last_resort" == pages.prices("AAPL")[0]["price_class"]
    wait_for(lambda: len(pages.prices("BTC")) > 3, 10, "changes")
    numbers = [price["seq"] for price in pages.prices("BTC")]
    assert sorted(numbers) == numbers
    assert numbers[0] <= success["seq"] < numbers[-1]


def test_subscribe_by_id_and_mixed(pages: DeskClient) -> None:
    """Ids work like symbols; what is unknown is named."""
    answer = pages.call(
        "subscribe_to_instruments", {"instrument_ids": [2, 999], "symbols": ["ETH", "NOPE"]}
    )

    assert ["ETH"] == [instrument["symbol"] for instrument in answer["instruments"]]
    assert {"NOPE", None} == {rejection["symbol"] for rejection in answer["rejected"]}
    assert {"UNKNOWN_SYMBOL"} == {rejection["code"] for rejection in answer["rejected"]}


def test_only_unknown_symbols(pages: DeskClient) -> None:
    """Nothing but unknown symbols is an error that names them."""
    answer = pages.subscribe("NOPE")

    assert "UNKNOWN_SYMBOL" == answer["code"]
    assert "NOPE" in event_after(pages, "subscription_error")["message"]
    assert [] == pages.bodies("subscription_success")


def test_unsubscribe_really_stops(pages: DeskClient) -> None:
    """After the answer no further update comes."""
    pages.subscribe("BTC", "ETH")
    answer = pages.call("unsubscribe_from_instruments", {"symbols": ["BTC"]})
    time.sleep(0.2)
    before = len(pages.prices("BTC"))
    others = len(pages.prices("ETH"))
    wait_for(lambda: len(pages.prices("ETH")) > others + 3, 10, "the other symbol")

    assert ["BTC"] == answer["symbols"]
    assert before == len(pages.prices("BTC"))


def test_events_keep_their_order(
    tmp_path_factory: pytest.TempPathFactory, market: Exchange
) -> None:
    """Subscribing and unsubscribing back to back ends unsubscribed, also under threads."""
    environ = {"BINANCE_WS_URL": market.url, "OMCRM_ASYNC": "threading"}
    with App(tmp_path_factory.mktemp("threads"), environ) as app:
        browser = app.new_browser()
        for _ in range(5):
            with browser.pages() as pages:
                for _ in range(8):
                    pages.send("subscribe_to_instruments", {"symbols": ["BTC"]})
                    pages.send("unsubscribe_from_instruments", {"symbols": ["BTC"]})
                assert "timestamp" in pages.call("ping")
                before = len(pages.prices("BTC"))
                time.sleep(0.6)

                assert before == len(pages.prices("BTC"))


def test_too_many_subscriptions(pages: DeskClient) -> None:
    """What goes beyond the page's limit is refused, in plain words; the rest is served."""
    instruments = list(range(1, 25))
    answer = pages.call("subscribe_to_instruments", {"instrument_ids": instruments})

    assert 20 == len(answer["instruments"])
    assert 4 == len(answer["rejected"])
    assert {"LIMIT_EXCEEDED"} == {rejection["code"] for rejection in answer["rejected"]}
    assert "LIMIT_EXCEEDED" == event_after(pages, "subscription_error")["code"]
    refused = {rejection["symbol"] for rejection in answer["rejected"]}
    assert not refused & {body["symbol"] for body in pages.bodies("price_update")}


def test_coming_back_does_not_lift_the_limit(pages: DeskClient) -> None:
    """Whatever a page says that it had, it may watch so many instruments and no more."""
    before = pages.call("subscribe_to_instruments", {"instrument_ids": list(range(1, 21))})
    since = {"epoch": before["epoch"], "seq": before["seq"]}
    body = {"instrument_ids": [21, 22], "since": since, "max_rate": 1}
    answer = pages.call("subscribe_to_instruments", body)

    assert "LIMIT_EXCEEDED" == answer["code"]
    assert 2 == len(answer["rejected"])
    assert "epoch" not in answer


def test_three_hundred_symbols(pages: DeskClient) -> None:
    """Three hundred names at once: each is refused, those beyond the limit for being too many."""
    answer = pages.subscribe(*(f"X{number}" for number in range(300)))
    codes = [rejection["code"] for rejection in answer["rejected"]]

    assert "LIMIT_EXCEEDED" == answer["code"]
    assert "LIMIT_EXCEEDED" == event_after(pages, "subscription_error")["code"]
    assert ["UNKNOWN_SYMBOL"] * 20 + ["LIMIT_EXCEEDED"] * 280 == codes
    assert "timestamp" in pages.call("ping")


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
def test_bodies_of_the_wrong_shape(pages: DeskClient, body: Any) -> None:
    """Anything else than the schema is refused, with words, and the page lives on."""
    answer = pages.call("subscribe_to_instruments", body)

    assert "INVALID_PAYLOAD" == answer["code"]
    assert answer["message"].startswith("invalid payload")
    assert "INVALID_PAYLOAD" == event_after(pages, "subscription_error")["code"]
    assert "timestamp" in pages.call("ping")


def test_unknown_event(pages: DeskClient) -> None:
    """An event we do not know is a bad message."""
    pages.send("stop_realtime_feeds", {})

    assert "INVALID_PAYLOAD" == event_after(pages, "subscription_error")["code"]


def test_an_event_that_names_another_page(pages: DeskClient, client: Browser) -> None:
    """Called as the library calls its catch-all handler: a bad message of the sender, as any."""
    with client.pages() as other:
        for _ in range(9):
            pages.send("*", other.client.get_sid("/webtrader"))
        wait_for(lambda: len(pages.bodies("subscription_error")) == 9, 20, "the refusals")

        assert {"INVALID_PAYLOAD"} == {body["code"] for body in pages.bodies("subscription_error")}
        pages.send("*", other.client.get_sid("/webtrader"))
        wait_for(lambda: not pages.connected, 20, "the end")
        other.call("ping")

        assert [] == other.bodies("subscription_error")


def test_ten_bad_messages_close(pages: DeskClient) -> None:
    """Ten bad messages in ten seconds end the connection."""
    for _ in range(10):
        pages.send("subscribe_to_instruments", "nonsense")

    wait_for(lambda: not pages.connected, 5, "the end")


def test_too_many_messages(pages: DeskClient) -> None:
    """A burst beyond the rate is refused and, kept up, ends the connection."""
    for _ in range(80):
        pages.send("ping")

    wait_for(lambda: not pages.connected, 5, "the end")
    assert "LIMIT_EXCEEDED" == pages.bodies("subscription_error")[0]["code"]


def test_an_oversized_message_closes(pages: DeskClient) -> None:
    """A message above 16 KiB ends the connection."""
    pages.send("subscribe_to_instruments", {"symbols": ["A" * 20_000]})

    wait_for(lambda: not pages.connected, 5, "the end")


def test_price_history(pages: DeskClient) -> None:
    """Candles are built from what was seen; the last one ends at the latest price."""
    pages.subscribe("BTC")
    history = pages.call("get_price_history", {"symbol": "BTC", "timeframe": "1m", "limit": 10})

    assert ("BTC", "1m") == (history["symbol"], history["timeframe"])
    assert 1 <= len(history["data"]) <= 10
    candle = history["data"][-1]
    assert {"timestamp", "open", "high", "low", "close", "volume"} == set(candle)
    assert candle["low"] <= candle["close"] <= candle["high"]
    assert history == event_after(pages, "price_history")


def test_price_history_of_nothing(pages: DeskClient) -> None:
    """What never traded has no candles, and none are invented."""
    history = pages.call("get_price_history", {"symbol": "EURUSD", "timeframe": "1h", "limit": 5})

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
def test_price_history_refused(pages: DeskClient, body: dict[str, Any], code: str) -> None:
    """A bad request for candles names what is wrong."""
    assert code == pages.call("get_price_history", body)["code"]


def test_market_status(pages: DeskClient) -> None:
    """Every market with its session, and how many feeds bring data."""
    status = pages.call("get_market_status")

    assert ["crypto", "XNYS", "forex"] == [market["name"] for market in status["markets"]]
    assert (1, 1) == (status["active_data_feeds"], status["total_data_feeds"])
    assert isinstance(status["is_market_hours"], bool)
    assert status["markets"][0]["is_open"]


def test_ping(pages: DeskClient) -> None:
    """A ping is answered with the server's time."""
    pages.send("ping")

    assert event_after(pages, "pong")["timestamp"].endswith("Z")
