"""The pages in a real browser on a real installation."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Installation, Visitor
from tests.processes import App

try:
    from playwright.sync_api import expect
except ImportError:  # the fixture `chromium` says so
    expect = None

# Where other things run at the same time, browsers and servers take long to start.
pytestmark = pytest.mark.timeout(300)

Visit = Callable[..., Visitor]

FIGURE = re.compile(r"^[\d,]+\.\d+$")
PHONE = {"width": 375, "height": 812}

ARROW = "(cell) => getComputedStyle(cell, '::before').content"


def test_trader_logs_in_and_sees_prices_move(installation: Installation, visit: Visit) -> None:
    """A wrong password shows an error; after the right one prices move by themselves."""
    visitor = visit(role=None)
    visitor.expects("status of 401")
    page, email = visitor.page, installation.emails["client"]
    page.goto("/")
    visitor.log_in(email, "not the password")
    expect(page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    visitor.log_in(email)
    expect(page).to_have_url(re.compile("/webtrader/dashboard$"))
    expect(visitor.connection()).to_contain_text("Connected")
    expect(visitor.row("BTC")).to_have_attribute("data-class", "live")
    expect(visitor.price("BTC")).to_have_text(FIGURE)
    page.evaluate("window.isTheSamePage = true")
    visitor.sees_prices_move("BTC", times=3)
    visitor.sees_prices_move("ETH")
    expect(visitor.price("BTC")).to_have_attribute("data-tick", re.compile("^(up|down)$"))

    assert visitor.price("BTC").evaluate(ARROW)[:3] in ('"▲"', '"▼"')
    assert page.evaluate("window.flashes") > 0
    assert page.evaluate("window.isTheSamePage")
    assert visitor.grey() not in visitor.colours(".row[data-symbol=BTC] [data-field=price]")
    assert [] == visitor.unexpected()


def test_exchange_goes_and_comes_back(installation: Installation, visit: Visit) -> None:
    """Prices are grey as soon as their exchange is down, and live again when it is back."""
    visitor = visit()
    page = visitor.page
    expect(visitor.source("binance")).to_have_attribute("data-state", "streaming")
    expect(visitor.row("BTC")).to_have_attribute("data-class", "live")
    page.evaluate("window.isTheSamePage = true")
    with installation.without_exchange():
        expect(visitor.row("BTC")).to_have_attribute("data-class", "stale")
        expect(visitor.row("BTC").locator(".badge")).to_have_text("Stale")
        expect(visitor.source("binance")).to_have_attribute(
            "data-state", re.compile("^(waiting|connecting)$")
        )

        assert [visitor.grey()] == visitor.colours(".row[data-class=stale] .price")
        assert [visitor.grey()] == visitor.colours("#detail .price")
        assert visitor.connection().get_attribute("data-state") == "connected"

    expect(visitor.source("binance")).to_have_attribute("data-state", "streaming")
    expect(visitor.row("BTC")).to_have_attribute("data-class", "live")
    visitor.sees_prices_move("BTC")

    assert page.evaluate("window.isTheSamePage")


def test_server_goes_and_comes_back(installation: Installation, visit: Visit) -> None:
    """Without the server no price is current; when it is back, the page reconnects by itself."""
    visitor = visit()
    visitor.expects("ERR_CONNECTION_REFUSED|WebSocket connection to .* failed")
    page = visitor.page
    page.goto("/webtrader/dashboard#AAPL")
    # A fixed price is sent once: another time of receipt means another snapshot.
    received = page.locator("#detail [data-field=received_at]")
    expect(received).to_have_text(re.compile(r"^\d\d:"))
    before = received.inner_text()
    page.evaluate("window.isTheSamePage = true")
    with installation.without_app():
        expect(visitor.connection()).to_have_attribute("data-state", "disconnected")
        expect(page.get_by_role("alert")).to_contain_text("not current")
        expect(visitor.row("BTC").locator(".badge")).to_have_text("Not current")

        assert [visitor.grey()] == visitor.colours(".row .price, .detail .price")
        assert "unknown" == visitor.source("binance").get_attribute("data-state")

    expect(visitor.connection()).to_have_attribute("data-state", "connected")
    expect(received).not_to_have_text(before)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(visitor.row("BTC")).to_have_attribute("data-class", "live")
    visitor.sees_prices_move("BTC")

    assert page.evaluate("window.isTheSamePage")


def test_search_and_keys(visit: Visit) -> None:
    """An instrument is found, opened and left with the keyboard only."""
    visitor = visit()
    page = visitor.page
    search, shown = page.locator("#search"), page.locator(".row:visible")
    expect(visitor.row("BTC")).to_be_visible()
    everything = shown.count()
    page.keyboard.press("/")
    expect(search).to_be_focused()
    page.keyboard.type("eth")
    expect(shown).to_have_count(1)
    expect(visitor.row("ETH")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#detail h2")).to_have_text("ETH")
    expect(page.locator("#detail [data-field=name]")).to_have_text("Ethereum")
    expect(visitor.row("ETH")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(search).to_have_value("")
    expect(shown).to_have_count(everything)
    page.keyboard.press("j")
    expect(visitor.row("SOL")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.keyboard.press("k")
    expect(visitor.row("BTC")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#detail h2")).to_have_text("BTC")
    page.keyboard.press("/")
    page.keyboard.type("no such thing")
    expect(shown).to_have_count(0)
    expect(page.locator("#watchlist-empty")).to_contain_text("No instrument matches")


def test_admin_stops_and_starts_the_feeds(visit: Visit) -> None:
    """Every page shows at once that an administrator stopped or started the feeds."""
    admin, client = visit("admin"), visit("client")
    admin.page.goto("/admin/feeds")
    state = admin.page.locator("#feeds [data-source=binance]")
    notices = client.page.locator("#notices")
    expect(state).to_have_attribute("data-state", "streaming")
    admin.page.get_by_role("button", name="Stop").click()
    expect(state).to_have_attribute("data-state", "stopped")
    expect(admin.page.locator("#feeds-summary")).to_contain_text("Stopped")
    expect(client.source("binance")).to_have_attribute("data-state", "stopped")
    expect(notices).to_contain_text("The feeds are stopped")
    expect(client.row("BTC")).to_have_attribute("data-class", "stale")
    admin.page.get_by_role("button", name="Start").click()
    expect(state).to_have_attribute("data-state", "streaming")
    expect(client.source("binance")).to_have_attribute("data-state", "streaming")
    expect(notices).not_to_contain_text("stopped")
    expect(client.row("BTC")).to_have_attribute("data-class", "live")
    client.sees_prices_move("BTC")


def test_a_client_may_not_open_the_administration(visit: Visit) -> None:
    """A client sees no links to the administration, and an error page at its addresses."""
    visitor = visit("client")
    visitor.expects("status of 403")
    page = visitor.page
    expect(page.get_by_role("link", name="Feeds")).to_have_count(0)
    answer = page.goto("/admin/feeds")

    assert answer.status == 403
    expect(page.get_by_role("heading", level=1)).to_have_text("This is not open to you")
    expect(page.locator(".topbar .brand")).to_be_visible()
    page.get_by_role("link", name="Go to the desk").click()
    expect(visitor.connection()).to_have_attribute("data-state", "connected")


def test_admin_adds_an_instrument(visit: Visit) -> None:
    """Errors are shown at their fields and typed text is kept; then all pages have it."""
    admin = visit("admin")
    admin.expects("status of 400")
    page = admin.page
    page.goto("/admin/instruments")
    given = {
        "Symbol": "L T C",
        "Name": "Litecoin",
        "Decimals": "12",
        "Last-resort price": "72.5",
        "Binance": "ltc/usdt",
    }
    for label, text in given.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Type", exact=True).select_option("crypto")
    page.get_by_role("button", name="Add").click()
    for label in ("Symbol", "Decimals", "Binance"):
        field = page.get_by_label(label, exact=True)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field.locator("xpath=../p[@class='field-error']")).not_to_be_empty()
    for label, text in given.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(re.compile(text, re.IGNORECASE))
    expect(page.locator("#instruments [data-symbol=LTC]")).to_have_count(0)

    page.get_by_label("Symbol", exact=True).fill("ltc")
    page.get_by_label("Decimals", exact=True).fill("2")
    page.get_by_label("Binance", exact=True).fill("ltcusdt")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#instruments [data-symbol=LTC]")).to_contain_text("ltcusdt")
    expect(page.locator(".field-error")).to_have_count(0)

    client = visit("client")
    expect(client.row("LTC")).to_contain_text("Litecoin")
    expect(client.row("BTC")).to_have_attribute("data-class", "live")
    client.sees_prices_move("BTC")


def test_phone(visit: Visit) -> None:
    """On a phone every page fits its width, and an instrument is a view of its own."""
    visitor = visit("admin", viewport=PHONE)
    page = visitor.page
    expect(visitor.price("BTC")).to_have_text(FIGURE)
    widths = {"desk": visitor.width()}
    visitor.row("BTC").click()
    expect(page.locator("#detail")).to_be_visible()
    expect(page.locator("#watchlist")).to_be_hidden()
    widths["detail"] = visitor.width()
    page.get_by_role("button", name="Back to the watchlist").click()
    expect(page.locator("#watchlist")).to_be_visible()
    for path, drawn in (
        ("/admin/feeds", "#feeds [data-source=binance][data-state=streaming]"),
        ("/admin/instruments", "#instruments [data-symbol=BTC]"),
    ):
        page.goto(path)
        expect(page.locator(drawn)).to_be_visible()
        widths[path] = visitor.width()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    widths["login"] = visitor.width()

    assert dict.fromkeys(widths, PHONE["width"]) == widths


def test_reduced_motion(visit: Visit) -> None:
    """With reduced motion prices change, with their arrows, but nothing flashes."""
    visitor = visit(reduced_motion="reduce")
    visitor.sees_prices_move("BTC", times=3)
    expect(visitor.price("BTC")).to_have_attribute("data-tick", re.compile("^(up|down)$"))

    assert 0 == visitor.page.evaluate("window.flashes")


def test_logging_out_ends_other_tabs(visit: Visit) -> None:
    """A logout in one tab ends all tabs, and the prices in them become grey."""
    visitor = visit()
    page, other = visitor.page, visitor.context.new_page()
    expect(visitor.row("BTC")).to_have_attribute("data-class", "live")
    other.goto("/webtrader/dashboard")
    expect(other.locator("#connection")).to_have_attribute("data-state", "connected")
    other.get_by_role("button", name="Log out").click()
    expect(other).to_have_url(re.compile("/auth/login"))
    expect(visitor.connection()).to_contain_text("Logged out")
    expect(page.get_by_role("alert")).to_contain_text("You are no longer logged in.")

    assert [visitor.grey()] == visitor.colours(".row .price")
    page.get_by_role("link", name="Log in again").click()
    expect(page.get_by_label("Password")).to_be_visible()


@pytest.fixture
def demo(tmp_path: Path, installation: Installation) -> "App":
    """A demonstration installation beside the other, on the same exchange."""
    environ = {"OMCRM_DEMO": "1", "OMCRM_EXCHANGE_URL": installation.exchange.url}
    with App(tmp_path, environ) as app:
        yield app


def test_demonstration(demo: App, visit: Visit) -> None:
    """Every page of a demonstration is marked as one, and every price as simulated."""
    lines = (demo.folder / "instance" / "demo_logins").read_text().splitlines()
    logins = {role: (email, password) for role, email, password in map(str.split, lines)}
    visitor = visit(role=None, base=demo.base)
    visitor.expects("status of 404")
    page = visitor.page
    banner = page.get_by_label("Demonstration installation", exact=True)
    page.goto("/auth/login")
    expect(banner).to_be_visible()
    visitor.log_in(*logins["admin"])
    expect(page.locator(".row")).to_have_count(24)
    expect(page.locator(".row[data-class=simulated]")).to_have_count(24)
    expect(visitor.row("AAPL").locator(".badge")).to_have_text("Simulated")
    for path in ("/webtrader/dashboard", "/admin/feeds", "/admin/instruments", "/nothing"):
        page.goto(path)
        expect(banner).to_contain_text("simulated")
