"""How many modules a value passes: who follows one price through the code opens so many files.

A module counts where one of its functions holds the value, as an argument, a variable or a result.
Modules that define value types and no function for others do not count, and neither do libraries.
"""

import inspect
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest
from msgspec import Struct
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as listen

import omcrm
from omcrm.portfolio import service
from tests.gateways.here import Make, Served
from tests.processes import PATIENCE, Browser, DeskClient, wait_for
from tests.streaming.raw_client import RawClient, text

PRODUCT = f"{Path(omcrm.__file__).parent}/"
VALUE_TYPES = (Struct, Enum, tuple)
# The most modules that each value may pass.
PRICE, QUOTES, PORTFOLIO = 15, 10, 10
REVIEW = frozenset({"reviewer"})


def is_value_module(module: ModuleType) -> bool:
    """Whether the module has value types, and no other class and no function that others call.

    A protocol only says what a value has."""
    own = {
        name: item
        for name, item in vars(module).items()
        if getattr(item, "__module__", "") == module.__name__
    }
    kinds = [
        item
        for item in own.values()
        if inspect.isclass(item) and not getattr(item, "_is_protocol", False)
    ]
    calls = [name for name, item in own.items() if inspect.isfunction(item) and name[0] != "_"]
    return bool(kinds) and not calls and all(issubclass(kind, VALUE_TYPES) for kind in kinds)


class Tracer:
    """Notes the product's modules whose functions hold a marked value."""

    def __init__(self) -> None:
        self._marks: tuple[str, ...] = ()
        self._others: frozenset[str] = frozenset()
        self._files: set[str] = set()

    @contextmanager
    def following(self, *marks: str, others: frozenset[str] = REVIEW) -> Iterator[None]:
        """Follow the values in which one of these texts occurs, without regard to points, but not
        in `others`: threads that look at every price and come by in the middle."""
        self._files.clear()
        self._others = others
        self._marks = tuple(mark.replace(".", "") for mark in marks)
        yield
        self._marks = ()

    def modules(self) -> list[str]:
        """The modules passed by the value, by name."""
        names = {Path(file).relative_to(PRODUCT).with_suffix("") for file in self._files}
        modules = [sys.modules["omcrm." + ".".join(name.parts)] for name in names]
        return sorted(module.__name__ for module in modules if not is_value_module(module))

    def note(self, frame: FrameType, event: str, result: Any) -> None:
        """Look at a function of the product that begins or returns; called by the interpreter."""
        if not self._marks or event not in ("call", "return"):
            return
        if threading.current_thread().name in self._others:
            return
        file = frame.f_code.co_filename
        if file in self._files or not file.startswith(PRODUCT):
            return
        held = [value for name, value in frame.f_locals.items() if name not in ("self", "cls")]
        if any(self._is_marked(value) for value in [*held, result]):
            self._files.add(file)

    def _is_marked(self, value: Any) -> bool:
        shown = repr(value).replace(".", "")
        return any(mark in shown for mark in self._marks)


class Binance:
    """A server that acknowledges every request, and sends the trades that a test makes."""

    def __init__(self) -> None:
        self._clients: list[ServerConnection] = []
        self._server = listen(self._talk, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self._number = 0
        port = self._server.socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}"

    def _talk(self, client: ServerConnection) -> None:
        try:
            for request in client:
                answer = {"result": None, "id": json.loads(request)["id"]}
                client.send(json.dumps(answer))
                self._clients.append(client)
        except ConnectionClosed:
            pass

    def trade(self, price: Decimal) -> None:
        """Send a trade of BTC, as soon as there is a client."""
        wait_for(lambda: self._clients, what="a subscription")
        self._number += 1
        now = int(time.time() * 1000)
        trade = {"e": "trade", "E": now, "T": now, "s": "BTCUSDT", "t": self._number}
        trade |= {"p": str(price), "q": "0.5", "m": True, "M": True}
        self._clients[-1].send(json.dumps({"stream": "btcusdt@trade", "data": trade}))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()


@pytest.fixture
def binance() -> Iterator[Binance]:
    """An upstream of trades."""
    running = Binance()
    yield running
    running.close()


@pytest.fixture
def tracer() -> Iterator[Tracer]:
    """Traces all threads that begin after it."""
    tracer = Tracer()
    threading.setprofile(tracer.note)
    sys.setprofile(tracer.note)
    yield tracer
    sys.setprofile(None)
    threading.setprofile(None)


@pytest.fixture
def here(tracer: Tracer, binance: Binance, serve: Make) -> Served:
    """An app whose Binance is that server, and which has had a first price from it."""
    running = serve(BINANCE_WS_URL=binance.url)
    fixed = running.market.cache.get("BTC").last
    binance.trade(fixed.quantize(Decimal(1)) + Decimal("0.11"))
    wait_for(lambda: running.market.cache.get("BTC").source.name == "binance", what="a price")
    return running


def next_price(here: Served) -> Decimal:
    """A price near the last one, with digits that nothing else has."""
    return here.market.cache.get("BTC").last + Decimal("1.26")


def read_until(client: RawClient, mark: str) -> None:
    client.sock.settimeout(PATIENCE)
    while mark.encode() not in client.read().payload:
        pass


def open_client(here: Served, user: int, path: str, message: str) -> RawClient:
    token = here.token(user, ("market:read", "portfolio:read"))
    client = RawClient.open(here.port, path, f"Authorization: Bearer {token}")
    client.send(text(message))
    return client


def test_a_price_from_frame_to_browser(here: Served, binance: Binance, tracer: Tracer) -> None:
    """From the upstream's frame to the event that the browser receives."""
    browser, user = Browser(here.base), here.create_user()
    name, _, cookie = here.session(user).removeprefix("Cookie: ").partition("=")
    browser.http.cookies.set(name, cookie)
    with DeskClient(browser) as page:
        page.subscribe("BTC")
        price = next_price(here)
        with tracer.following(str(price)):
            binance.trade(price)
            wait_for(lambda: page.prices("BTC")[-1]["price"] == float(price), what="the price")
    passed = tracer.modules()

    assert "omcrm.feeds.providers.binance.stream" in passed
    assert "omcrm.streaming.connection" in passed
    assert len(passed) <= PRICE, "\n".join(passed)


def test_a_quotes_request(here: Served, tracer: Tracer) -> None:
    """From the symbols that a client of `/quotes` sends to its first answer."""
    price = here.market.cache.get("BTC").last
    user = here.create_user()
    with (
        tracer.following("AAPL,BTC", str(price), others=REVIEW | {"fan-out"}),
        open_client(here, user, "/quotes", "AAPL,BTC") as client,
    ):
        read_until(client, str(price))
    passed = tracer.modules()

    assert "omcrm.gateways.finance_query.channels" in passed
    assert "omcrm.streaming.connection" in passed
    assert len(passed) <= QUOTES, passed


def test_a_portfolio_value(here: Served, binance: Binance, tracer: Tracer) -> None:
    """From the valuation at a new price to the update that its owner receives."""
    user, price = here.create_user(), next_price(here)
    with here.app.app_context():
        own = service.create(user, "Growth")
        service.add_holding(user, own.id, "BTC", "3", "1")
    watch = json.dumps({"type": "subscribe_portfolio", "data": {"portfolio_id": own.id}})
    with open_client(here, user, "/ws/realtime/", watch) as client:
        read_until(client, "portfolio_update")
        with tracer.following(str(3 * price)):
            binance.trade(price)
            read_until(client, str(3 * price))
    passed = tracer.modules()

    assert "omcrm.portfolio.valuation" in passed
    assert "omcrm.streaming.connection" in passed
    assert len(passed) <= PORTFOLIO, passed
