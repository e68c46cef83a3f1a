"""A real browser, an installation for it to visit, and the errors that the browser reports."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing
from tests.e2e.chromium import find_chromium, launch
from tests.processes import PASSWORD, PATIENCE, App, Exchange, Process

try:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
except ImportError:  # the fixture `chromium` says so
    sync_playwright = None

MILLISECONDS = 1000 * PATIENCE
COLOURS = "cells => [...new Set(cells.map((cell) => getComputedStyle(cell).color))]"
GREY = "() => getComputedStyle(document.documentElement).getPropertyValue('--ink-3').trim()"
WATCH = """
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  complain(`policy: ${violatedDirective} ${blockedURI}`);
});
window.flashes = 0;
const animate = Element.prototype.animate;
Element.prototype.animate = function (...how) {
  window.flashes += 1;
  return animate.apply(this, how);
};
"""


class Visitor:
    """A user with an own browser: one context, its tabs, and the errors that it reported."""

    def __init__(self, context: "BrowserContext") -> None:
        self.complaints: list[str] = []
        self.context = context
        self._expected: list[str] = []
        context.set_default_timeout(MILLISECONDS)
        context.expose_binding("complain", lambda _, text: self.complaints.append(text))
        context.add_init_script(WATCH)
        context.on("console", self._note)
        context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        self.page: Page = context.new_page()

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def expects(self, complaint: str) -> None:
        """Allow an error, by a pattern, because the test causes it."""
        self._expected.append(complaint)

    def unexpected(self) -> list[str]:
        """The errors that the test does not expect."""
        return [
            complaint
            for complaint in self.complaints
            if not any(re.search(pattern, complaint) for pattern in self._expected)
        ]

    def log_in(self, email: str, password: str = PASSWORD) -> None:
        """Fill in the login form that is open, and send it."""
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def row(self, symbol: str) -> "Locator":
        """An instrument's row in the watchlist."""
        return self.page.locator(f".row[data-symbol='{symbol}']")

    def price(self, symbol: str) -> "Locator":
        """The cell of its last price."""
        return self.row(symbol).locator("[data-field=price]")

    def source(self, name: str) -> "Locator":
        """A source in the desk's status line."""
        return self.page.locator(f"#sources [data-source='{name}']")

    def connection(self) -> "Locator":
        """The mark with the state of the connection."""
        return self.page.locator("#connection")

    def colours(self, prices: str) -> list[str]:
        """The different colours of prices."""
        return self.page.locator(prices).evaluate_all(COLOURS)

    def grey(self) -> str:
        """The colour of prices that are not current."""
        digits = self.page.evaluate(GREY).removeprefix("#")
        red, green, blue = (int(digits[at : at + 2], 16) for at in (0, 2, 4))
        return f"rgb({red}, {green}, {blue})"

    def width(self) -> int:
        """The width of the page's content."""
        return self.page.evaluate("document.documentElement.scrollWidth")

    def sees_prices_move(self, symbol: str = "BTC", times: int = 1) -> None:
        """Wait until a price has changed so many times."""
        for _ in range(times):
            expect(self.price(symbol)).not_to_have_text(self.price(symbol).inner_text())


class RestartableApp(App):
    """The app, which can be started again at its address."""

    def start_again(self) -> None:
        log = self.folder / f"app-{self.port}.log"
        Process.__init__(self, [sys.executable, "run.py"], self.env, log)
        self.wait_until(self._answers, "the app")


class Installation:
    """An exchange in Binance's place and the app on it, with an account of each role."""

    def __init__(self, folder: Path, exchange: Exchange, app: RestartableApp) -> None:
        self.exchange = exchange
        self.app = app
        self._folder = folder
        self.emails = {role: f"{role}@example.com" for role in ("client", "staff", "admin")}
        for role, email in self.emails.items():
            app.create_user(email, role)

    @contextmanager
    def without_exchange(self) -> Iterator[None]:
        """The exchange is down; afterwards it is back on the same port."""
        self.exchange.stop()
        try:
            yield
        finally:
            self.exchange = Exchange(self._folder, port=self.exchange.port)

    @contextmanager
    def without_app(self) -> Iterator[None]:
        """The app is down; afterwards it is back on the same port and database."""
        self.app.stop()
        try:
            yield
        finally:
            self.app.start_again()


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """Debian's Chromium."""
    if sync_playwright is None:
        missing("playwright, to drive a browser")
    if find_chromium() is None:
        missing("chromium, to see the pages as people do")
    # Module scope: while Playwright runs, its event loop is in the way of other tests'.
    with sync_playwright() as playwright:
        expect.set_options(timeout=MILLISECONDS)
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def installation(
    chromium: "Browser", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The installation of this module; it needs the browser first, which may be missing."""
    folder = tmp_path_factory.mktemp("installation")
    with Exchange(folder) as exchange:
        with RestartableApp(folder, {"BINANCE_WS_URL": exchange.url}) as app:
            running = Installation(folder, exchange, app)
            yield running
        running.exchange.stop()


@pytest.fixture
def visit(chromium: "Browser", installation: Installation) -> Iterator[Callable[..., Visitor]]:
    """Opens a browser, logged in as a role unless that is None, which must report no error."""
    visitors: list[Visitor] = []

    def open_browser(
        role: str | None = "client", base: str = installation.app.base, **options: Any
    ) -> Visitor:
        visitor = Visitor(chromium.new_context(base_url=base, **options))
        visitors.append(visitor)
        if role is not None:
            visitor.page.goto("/auth/login")
            visitor.log_in(installation.emails[role])
            expect(visitor.connection()).to_have_attribute("data-state", "connected")
        return visitor

    yield open_browser
    complaints = [visitor.unexpected() for visitor in visitors]
    for browser in visitors:
        browser.context.close()

    assert [[]] * len(visitors) == complaints
