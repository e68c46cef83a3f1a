"""The page of the WebSocket for programs, in a real browser."""

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Installation, Visitor

try:
    from playwright.sync_api import expect
except ImportError:  # the fixture `chromium` says so
    expect = None

# Where other things run at the same time, browsers and servers take long to start.
pytestmark = pytest.mark.timeout(300)


CUT = "cards => cards.filter((card) => card.scrollWidth > card.clientWidth).length"


def test_the_page_shows_the_websockets_messages(
    visit: Callable[..., Visitor], installation: Installation
) -> None:
    """A portfolio and prices move, unsubscribed rows stop, and the page survives a restart."""
    visitor = visit(viewport={"width": 375, "height": 812})
    page = visitor.page
    page.goto("/portfolio/")
    page.get_by_label("Name").fill("Growth")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("Instrument").fill("BTC")
    page.get_by_label("Quantity").fill("0.5")
    page.get_by_label("Average cost per unit").fill("1")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("link", name="Real time").click()
    bitcoin, ether = (page.locator(f"[data-key={symbol}]") for symbol in ("BTC", "ETH"))
    price, value = bitcoin.locator("[data-field=price]"), page.locator("[data-field=total_value]")

    expect(visitor.connection()).to_have_attribute("data-state", "connected")
    expect(bitcoin.locator(".badge")).to_have_text("Live")
    expect(page.locator("[data-key=AAPL] .badge")).to_have_text("Last resort")
    expect(page.locator("[data-field=live]")).to_have_text("100.0 %")
    expect(page.locator("[data-total=total_connections]")).to_have_text("1")
    expect(page.locator("[data-total=asset_subscriptions]")).to_have_text("24")
    expect(page.locator("#price-feed")).to_have_text("Running")
    expect(price).not_to_have_text(price.inner_text())
    expect(value).not_to_have_text(value.inner_text())
    assert 375 == visitor.width()
    assert 0 == page.locator(".card").evaluate_all(CUT)

    ether.get_by_role("button", name="Unsubscribe from ETH").click()
    expect(ether.get_by_role("button")).to_have_text("Subscribe")
    still = ether.locator("[data-field=price]").inner_text()
    expect(price).not_to_have_text(price.inner_text())
    expect(ether.locator("[data-field=price]")).to_have_text(still)

    visitor.expects("WebSocket connection to|Failed to load resource|ERR_CONNECTION_REFUSED")
    with installation.without_app():
        expect(visitor.connection()).to_have_text("Reconnecting")
        assert [visitor.grey()] == visitor.colours("#assets .price")
    expect(visitor.connection()).to_have_attribute("data-state", "connected")
    expect(bitcoin.locator(".badge")).to_have_text("Live")
    expect(ether.get_by_role("button")).to_have_text("Subscribe")
