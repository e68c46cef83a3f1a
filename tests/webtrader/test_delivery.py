"""What a page is sent, in which order, and what is not sent again when it resumes.

The app runs in this process, and the tests publish its prices. Long for a reason: all of these
tests use that app.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from socketio.exceptions import ConnectionError as ConnectFailed

from omcrm.extensions import db, socketio
from omcrm.storage.user import Role
from tests.processes import PATIENCE, wait_for
from tests.webtrader.here import Here, served_here
from tests.webtrader.raw_page import ANSWER, PollingPage, RawPage, WebSocketPage

PAGES = {"websocket": WebSocketPage, "polling": PollingPage}
# A small receive buffer for a page that does not read.
SMALL = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)

Again = Callable[[], RawPage]


@pytest.fixture
def here(app: Flask, browser: Callable[[Role], FlaskClient]) -> Iterator[Here]:
    """The app with a logged-in client."""
    with served_here(app, browser(Role.CLIENT).get_cookie("omcrm_session").value) as running:
        yield running


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, here: Here) -> Iterator[RawPage]:
    """A connected page on either transport."""
    with PAGES[request.param](here.browser) as connected:
        yield connected


@pytest.fixture
def again(here: Here, page: RawPage) -> Iterator[Again]:
    """Connects another page of the same kind."""
    with ExitStack() as at_the_end:
        yield lambda: at_the_end.enter_context(type(page)(here.browser))


# Order


def test_snapshot_then_success_then_acknowledgement(here: Here, page: RawPage) -> None:
    """When a page gets the success, it has all the prices."""
    here.price("BTC")
    success = page.subscribe("BTC", "ETH", "AAPL")

    assert {"BTC", "ETH", "AAPL"} == set(page.names()[:3])
    assert ["subscription_success", ANSWER] == page.names()[3:]
    assert page.received[-2][1] == page.received[-1][1] == success


@pytest.mark.parametrize("page", ["websocket", "polling"], indirect=True)
def test_order_beside_a_stream(here: Here, page: RawPage) -> None:
    """Also while prices of other symbols wait to be sent."""
    page.subscribe("BTC")
    for symbol in ("ETH", "SOL", "AAPL"):
        here.price("BTC")
        time.sleep(0.15)
        page.received.clear()
        page.subscribe(symbol)

        names = [name for name in page.names() if name != "BTC"]
        assert [symbol, "subscription_success", ANSWER] == names


@pytest.mark.parametrize("page", ["polling"], indirect=True)
def test_order_during_an_upgrade(here: Here, page: PollingPage) -> None:
    """Also while a page upgrades from polling to a WebSocket."""
    with page.upgrade():
        page.send("subscribe_to_instruments", {"symbols": ["BTC"]})
        wait_for(here.subscribers, 5, "the subscription")
    page.read_until(ANSWER)

    assert ["BTC", "subscription_success", ANSWER] == page.names()


def test_changes_follow_the_success(here: Here, page: RawPage) -> None:
    """Only changes of the subscribed symbols follow."""
    page.subscribe("BTC")
    here.price("ETH")
    number = here.price("BTC")
    body = page.read_until("price_update")

    assert ("BTC", number, number) == (body["symbol"], body["price"], body["seq"])


# Resuming


def send_apart(here: Here, page: RawPage, *symbols: str) -> int:
    """Send prices so far apart that only the last may be sent again on resuming; its number."""
    for symbol in symbols:
        number = here.price(symbol)
        while page.read_until("price_update")["seq"] != number:
            pass
        time.sleep(0.3)
    return number


def test_a_resuming_page_gets_what_changed(here: Here, page: RawPage, again: Again) -> None:
    """With `since` a page gets nothing that it has already, and everything else."""
    epoch = page.subscribe("BTC", "ETH", "SOL", "AAPL")["epoch"]
    seq = send_apart(here, page, "BTC", "SOL")
    page.close()
    here.price("ETH")
    back = again()
    answer = back.subscribe("BTC", "ETH", "SOL", "AAPL", since={"epoch": epoch, "seq": seq})

    assert "ETH" in back.names()[:-2]
    assert {*back.names()[:-2]} <= {"ETH", "SOL"}
    assert ["subscription_success", ANSWER] == back.names()[-2:]
    assert (epoch, 4) == (answer["epoch"], len(answer["instruments"]))
    assert seq < answer["seq"]
    assert here.price("BTC") == back.read_until("price_update")["seq"]


def test_a_resuming_page_without_changes_gets_almost_nothing(
    page: RawPage, here: Here, again: Again
) -> None:
    """Only quotes of the last moment are sent again."""
    epoch = page.subscribe("BTC", "ETH", "AAPL")["epoch"]
    seq = send_apart(here, page, "ETH", "ETH")
    page.close()
    back = again()
    answer = back.subscribe("BTC", "ETH", "AAPL", since={"epoch": epoch, "seq": seq})

    assert (epoch, seq) == (answer["epoch"], answer["seq"])
    assert {*back.names()} <= {"ETH", "subscription_success", ANSWER}


@pytest.mark.parametrize(
    "wrong",
    [{"epoch": "another run"}, {"epoch": ""}, {"seq": 10**30}, {"seq": 0}],
    ids=["another epoch", "none", "never told", "nothing seen"],
)
def test_an_unknown_resume_token_gives_a_full_snapshot(here: Here, wrong: dict[str, Any]) -> None:
    """If it is unknown what a page has, all quotes are sent."""
    with WebSocketPage(here.browser) as page:
        answer = page.subscribe("BTC", "AAPL")
    since = {"epoch": answer["epoch"], "seq": answer["seq"], **wrong}
    with WebSocketPage(here.browser) as page:
        page.subscribe("BTC", "AAPL", since=since)

        assert {"BTC", "AAPL"} == set(page.names()[:2])


# Rates


def test_a_slower_rate(here: Here, page: RawPage) -> None:
    """A page that requests fewer updates gets no more, and always the last one."""
    began = time.monotonic()
    answer = page.subscribe("BTC", max_rate=3)
    page.received.clear()
    with here.busy("BTC"):
        while len(page.received) < 4:
            page.read_until("price_update")
        most = 2 + 3 * (time.monotonic() - began)
    updates = len(page.received)
    number = here.price("BTC")
    while page.read_until("price_update")["seq"] != number:
        pass

    assert 3 == answer["max_rate"]
    assert updates <= most


def test_the_last_requested_rate_applies(here: Here, page: RawPage) -> None:
    """A page may change its rate; a request without one keeps it."""
    rates = [
        page.subscribe("BTC")["max_rate"],
        page.subscribe("BTC", max_rate=1)["max_rate"],
        page.subscribe("ETH")["max_rate"],
        page.subscribe("BTC", max_rate=1000)["max_rate"],
    ]

    assert [10, 1, 1, 10] == rates
    assert 1 == here.subscribers()


def test_each_rate_has_its_own_epoch(here: Here, page: RawPage) -> None:
    """Numbers of one rate mean nothing at another: there a page gets a full snapshot."""
    slow = page.subscribe("BTC", max_rate=1)
    since = {"epoch": slow["epoch"], "seq": slow["seq"]}
    page.received.clear()
    fast = page.subscribe("BTC", max_rate=1000, since=since)

    assert slow["epoch"] != fast["epoch"]
    assert ["BTC", "subscription_success", ANSWER] == page.names()


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"max_rate": 0}, "$.max_rate"),
        ({"max_rate": 1001}, "$.max_rate"),
        ({"max_rate": 1e-320}, "$.max_rate"),
        ({"since": 7}, "$.since"),
        ({"since": {}}, "$.since"),
        ({"since": {"epoch": None, "seq": 1}}, "$.since.epoch"),
        ({"since": {"epoch": "x", "seq": -1}}, "$.since.seq"),
    ],
)
def test_invalid_details(here: Here, details: dict[str, Any], field: str) -> None:
    """They are refused with the field's name, and nothing is subscribed to."""
    with WebSocketPage(here.browser) as page:
        answer = page.subscribe("BTC", **details)

        assert "INVALID_PAYLOAD" == answer["code"]
        assert answer["message"].endswith(f"at `{field}`")
        assert ["subscription_error", ANSWER] == page.names()
        assert 0 == here.subscribers()


# Slow pages


def test_a_page_is_notified_of_dropped_events(here: Here) -> None:
    """A page that did not read until events were dropped gets `reload`."""
    everything = {"symbols": [f"X{number}" for number in range(1000)]}
    with WebSocketPage(here.browser, sockopt=SMALL) as page:
        page.subscribe("BTC")
        for _ in range(20):
            page.send("subscribe_to_instruments", everything)
        here.price("BTC")
        wait_for(lambda: socketio.server.eio.reactor.counters["events_dropped"], 5, "the loss")
        here.price("BTC")
        body = page.read_until("reload")

        assert {"code", "message"} == set(body)
        assert "EVENTS_LOST" == body["code"]
        number = here.price("BTC")
        while page.read_until("price_update")["seq"] != number:
            pass


# Closed pages


def test_a_closed_page_is_removed(here: Here, page: RawPage) -> None:
    """However a page ends, nothing of it is kept."""
    page.subscribe("BTC", "ETH")
    assert 1 == here.subscribers()
    page.close()

    wait_for(lambda: not here.subscribers(), 5, "the end")
    assert not here.clients


def test_a_page_without_symbols_is_no_subscriber(here: Here, page: RawPage) -> None:
    """Nothing is kept of a page that has unsubscribed from everything."""
    page.subscribe("BTC", "ETH")
    page.send("unsubscribe_from_instruments", {"symbols": ["BTC", "ETH", "SOL"]})
    page.read_until(ANSWER)

    assert 0 == here.subscribers()
    page.subscribe("ETH")
    assert 1 == here.subscribers()


def test_a_dropped_page_is_removed(here: Here, page: RawPage) -> None:
    """The pages of an ended login session are removed, too."""
    page.subscribe("BTC")
    here.drop()

    assert 0 == here.subscribers()


def test_a_page_dropped_while_it_subscribes_is_removed(
    here: Here, page: RawPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is disconnected during a subscription is not kept either."""
    subscribe, subscribed = here.fanout.subscribe, threading.Event()

    def drop_before(*arguments: Any) -> Any:
        here.drop()
        resume_point = subscribe(*arguments)
        subscribed.set()
        return resume_point

    monkeypatch.setattr(here.fanout, "subscribe", drop_before)
    page.send("subscribe_to_instruments", {"symbols": ["BTC"]})

    assert subscribed.wait(PATIENCE)
    wait_for(lambda: not here.subscribers(), 5, "the end")


def test_a_page_connects_while_the_database_is_away(
    app: Flask, here: Here, caplog: pytest.LogCaptureFixture
) -> None:
    """It is refused with the reason, and connected pages go on."""
    with here.browser.desk() as page:
        page.subscribe("BTC")
        with app.app_context():
            db.drop_all()
        with pytest.raises(ConnectFailed, match="One or more namespaces failed to connect"):
            here.browser.desk().close()
        price = here.price("BTC")

        wait_for(lambda: page.prices("BTC")[-1]["price"] == price, 30, "the price")
        assert "time" in str(page.call("ping"))
    assert "Traceback" not in caplog.text
