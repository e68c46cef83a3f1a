"""What a page requests after a disconnection, as seen in its frames."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.e2e.conftest import Visitor

try:
    from playwright.sync_api import Page, WebSocket, WebSocketRoute, expect
except ImportError:  # the fixture `chromium` says so
    expect = None

pytestmark = pytest.mark.timeout(300)

Visit = Callable[..., Visitor]

EVENT = re.compile(r"42/webtrader,(\[.*\])", re.S)
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
RELOAD = '42/webtrader,["reload",{"code":"EVENTS_LOST","message":"Some messages were lost"}]'


class Conversation:
    """The messages between a page and the server on one connection."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.received: list[tuple[str, Any]] = []

    @classmethod
    def on(cls, socket: "WebSocket") -> "Conversation":
        """Record the frames of a socket."""
        self = cls()
        socket.on("framesent", lambda frame: note(self.asked, frame))
        socket.on("framereceived", lambda frame: note(self.received, frame))
        return self

    def subscriptions(self) -> list[dict[str, Any]]:
        """The bodies of all subscriptions."""
        return [body for name, body in self.asked if name == "subscribe_to_instruments"]

    def successes(self) -> list[dict[str, Any]]:
        """The answers to them."""
        return [body for name, body in self.received if name == "subscription_success"]

    def prices(self) -> list[dict[str, Any]]:
        return [body for name, body in self.received if name == "price_update"]

    def snapshot(self) -> set[str]:
        """The symbols that came before the first success."""
        names = [name for name, _ in self.received]
        before = self.received[: names.index("subscription_success")]
        return {body["symbol"] for name, body in before if name == "price_update"}


def note(messages: list[tuple[str, Any]], frame: str) -> None:
    if event := EVENT.fullmatch(frame):
        name, *bodies = json.loads(event[1])
        messages.append((name, bodies[0] if bodies else None))


def listen(page: "Page") -> list[Conversation]:
    """The conversations of a page from now on."""
    conversations: list[Conversation] = []
    page.on("websocket", lambda socket: conversations.append(Conversation.on(socket)))
    return conversations


def wait_until(visitor: Visitor, holds: Callable[[], object]) -> None:
    """Let the browser go on until something holds."""
    for _ in range(500):
        if holds():
            return
        visitor.page.wait_for_timeout(50)
    raise AssertionError("waited in vain")


def test_after_a_short_break_only_changes_are_sent(visit: Visit) -> None:
    """After a break a page receives the changes, not all prices; prices move again."""
    visitor = visit()
    visitor.expects("ERR_INTERNET_DISCONNECTED|WebSocket connection to .* failed")
    conversations = listen(visitor.page)
    visitor.page.reload()
    visitor.sees_prices_move("BTC", times=2)
    visitor.page.evaluate("window.isTheSamePage = true")
    fixed = visitor.price("AAPL").inner_text()
    visitor.context.set_offline(True)
    expect(visitor.connection()).to_have_attribute("data-state", "disconnected")
    before = conversations[0]
    newest = max(price["seq"] for price in before.prices())
    # Requested beside the page, which receives nothing now.
    asked = urljoin(visitor.page.url, "/webtrader/realtime_price/BTC")
    wait_until(visitor, lambda: visitor.context.request.get(asked).json()["seq"] > newest)
    visitor.context.set_offline(False)
    expect(visitor.connection()).to_have_attribute("data-state", "connected")
    visitor.sees_prices_move("BTC", times=2)
    after = conversations[-1]

    [first], [again] = before.subscriptions(), after.subscriptions()
    assert "since" not in first
    assert 24 == len(before.snapshot())
    assert before.successes()[0]["epoch"] == again["since"]["epoch"]
    assert again["since"]["seq"] in [price["seq"] for price in before.prices()[-24:]]
    assert after.successes()[0]["epoch"] == again["since"]["epoch"]
    assert "BTC" in after.snapshot()
    assert "AAPL" not in after.snapshot()
    assert fixed == visitor.price("AAPL").inner_text()
    assert "Last resort" == visitor.row("AAPL").locator(".badge").inner_text()
    assert visitor.page.evaluate("window.isTheSamePage")


def test_a_hidden_page_subscribes_at_a_lower_rate(visit: Visit) -> None:
    """A hidden tab receives a price once a second at most; a visible one all of them."""
    visitor = visit()
    conversations = listen(visitor.page)
    visitor.page.reload()
    visitor.sees_prices_move("BTC")
    [talk] = conversations
    visitor.page.evaluate(HIDE, True)
    wait_until(visitor, lambda: len(talk.successes()) == 2)
    visitor.sees_prices_move("BTC", times=2)
    visitor.page.evaluate(HIDE, False)
    wait_until(visitor, lambda: len(talk.successes()) == 3)
    visitor.sees_prices_move("BTC", times=3)
    full, hidden, again = talk.successes()

    assert [1, 1000] == [subscription["max_rate"] for subscription in talk.subscriptions()[1:]]
    assert hidden["max_rate"] <= 1 < full["max_rate"] == again["max_rate"]
    assert 2 == [name for name, _ in talk.asked].count("get_price_history")


def test_a_page_that_lost_events_requests_them_again(visit: Visit) -> None:
    """After `reload` a page requests everything that may have been lost."""
    visitor = visit()
    asked: list[tuple[str, Any]] = []
    routes: list[WebSocketRoute] = []

    def stand_between(route: "WebSocketRoute") -> None:
        server = route.connect_to_server()
        routes.append(route)

        def pass_on(frame: str) -> None:
            note(asked, frame)
            server.send(frame)

        route.on_message(pass_on)

    visitor.page.route_web_socket(re.compile("/socket.io/"), stand_between)
    visitor.page.reload()
    visitor.sees_prices_move("BTC")
    asked.clear()
    routes[0].send(RELOAD)
    wait_until(visitor, lambda: {"get_price_history", "get_market_status"} <= dict(asked).keys())

    assert dict(asked)["subscribe_to_instruments"]["since"]["seq"] > 0
    visitor.sees_prices_move("BTC")
    assert 1 == len(routes)
