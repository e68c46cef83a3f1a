"""The app in the tests' own process, where they can inspect it and publish prices."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from omcrm.services import services_of
from omcrm.serving.server import listen, make_worker
from omcrm.web.market_access import market_view
from tests.processes import Browser, free_port, wait_for
from tests.values import quote, trade

# Above the numbers of the fixed prices, which are published at the start.
_FIRST = 1000


class Here:
    """A running app with fixed prices only, and a logged-in browser."""

    def __init__(self, app: Flask, port: int, session: str) -> None:
        self.fanout = services_of(app).manager.fanout
        self.clients = services_of(app).client_registry
        self.browser = Browser(f"http://127.0.0.1:{port}")
        self.browser.http.cookies.set("omcrm_session", session)
        self._app = app
        self._numbers = itertools.count(_FIRST)

    def price(self, symbol: str) -> int:
        """Publish a new price, which equals its number."""
        number = next(self._numbers)
        self.fanout.take(quote(trade(str(number)), symbol=symbol, seq=number))
        return number

    @contextmanager
    def busy(self, symbol: str) -> Iterator[None]:
        """Publish new prices of the symbol all the time meanwhile."""
        over = threading.Event()

        def change() -> None:
            while not over.wait(0.01):
                self.price(symbol)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def drop(self) -> None:
        """Disconnect every page, as if the login sessions had ended."""
        self.clients.end_logins(self.clients.handles())

    def subscribers(self) -> int:
        """The number of the fan-out's subscribers."""
        return sum(tier.size for tier in self.fanout._tiers)


@contextmanager
def served_here(app: Flask, session: str) -> Iterator[Here]:
    """Serve the app to the browser that has this session's cookie."""
    port = free_port()
    listener = listen("127.0.0.1", port)
    worker = make_worker(app, listener)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        with app.app_context():
            cache = market_view().cache
        services_of(app).manager.start()
        wait_for(lambda: 24 == len(cache.snapshot()), 5, "the fixed prices")
        yield Here(app, port, session)
    finally:
        worker.stop()
        thread.join()
        listener.close()
