"""A portfolio in a real browser: from its first holding to a value that moves."""

import re
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Visitor

try:
    from playwright.sync_api import Page, expect
except ImportError:  # the fixture `chromium` says so
    expect = None

# Where other things run at the same time, browsers and servers take long to start.
pytestmark = pytest.mark.timeout(300)

Visit = Callable[..., Visitor]

HOLDINGS = {"BTC": ("0.5", "1000"), "ETH": ("2", "100"), "AAPL": ("3", "10"), "EURGBP": ("9", "1")}
CUT = "cards => cards.filter((card) => card.scrollWidth > card.clientWidth).length"


def make(page: "Page", name: str) -> None:
    """Give a portfolio a name and go to it."""
    page.goto("/portfolio/")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def add(page: "Page", symbol: str) -> None:
    """Fill in the form of a holding and send it."""
    quantity, cost = HOLDINGS[symbol]
    page.get_by_label("Instrument").fill(symbol)
    page.get_by_label("Quantity").fill(quantity)
    page.get_by_label("Average cost per unit").fill(cost)
    page.get_by_role("button", name="Add").click()
    expect(page.locator(f"#holdings [data-symbol={symbol}]")).to_be_visible()


def number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def test_a_value_moves_with_its_prices(visit: Visit) -> None:
    """Live and fixed prices are drawn and labelled by class, and the sums agree."""
    page = visit().page
    make(page, "Growth")
    for symbol in HOLDINGS:
        add(page, symbol)
    row = page.locator("#holdings [data-symbol=BTC]")
    total = page.locator("[data-total=value]")

    expect(row.locator(".badge")).to_have_text("Live")
    expect(page.locator("#holdings [data-symbol=AAPL] .badge")).to_have_text("Last resort")
    expect(page.locator("#holdings [data-symbol=AAPL]")).to_contain_text("not counted")
    expect(page.locator("#holdings [data-symbol=EURGBP]")).to_contain_text("0.85640 GBP")
    expect(page.locator("#coverage-bar")).to_have_attribute(
        "aria-label", re.compile("Live 100.0 %, Last resort .* USD, not counted")
    )
    expect(page.locator("#coverage-note")).to_contain_text("Oldest price:")
    expect(page.locator("#allocation-legend li")).to_have_count(2)
    expect(page.locator("#allocation-ring circle")).to_have_count(2)
    expect(total).not_to_have_text(total.inner_text())
    texts = page.evaluate(
        """() => [...document.querySelectorAll("[data-total=value], [data-field=value]")]
          .map((element) => element.textContent)"""
    )
    whole, bitcoin, ether, *_ = map(number, texts)
    assert abs(whole - bitcoin - ether) < 0.02
    valuation = page.evaluate(
        "fetch(document.querySelector('main').dataset.url).then((r) => r.json())"
    )
    assert abs(valuation["portfolio"]["total_value"] / whole - 1) < 0.01


def test_a_holding_is_changed_and_removed_by_keyboard(visit: Visit) -> None:
    """Errors are at their fields, a change from elsewhere is shown, and the focus has a ring."""
    visitor = visit()
    page = visitor.page
    make(page, "By hand")
    add(page, "BTC")
    visitor.expects("400")
    page.get_by_role("link", name="Change BTC").press("Enter")
    expect(page.get_by_label("Quantity")).to_be_focused()
    page.get_by_label("Quantity").fill("-1")
    page.get_by_label("Quantity").press("Enter")
    expect(page.locator("#quantity-error")).to_have_text("The quantity must be more than zero.")
    expect(page.get_by_label("Quantity")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Quantity").fill("0.75")
    page.get_by_label("Quantity").press("Enter")
    expect(page.locator("#holdings [data-symbol=BTC]")).to_contain_text("0.75")
    page.get_by_role("link", name="Change BTC").click()
    page.get_by_role("button", name="Remove BTC").press("Enter")

    expect(page.get_by_text("Nothing is held here yet")).to_be_visible()


def test_a_phone_needs_no_scrolling_sideways(visit: Visit) -> None:
    """Everything is as wide as the screen, also inside of the cards, in both themes."""
    visitor = visit(viewport={"width": 375, "height": 812})
    page = visitor.page
    make(page, "A name as long as it may be without any place to break it up")
    add(page, "BTC")
    expect(page.locator("#holdings .badge")).to_have_text("Live")
    page.get_by_role("button", name="Light theme").click()

    assert 375 == visitor.width()
    assert 0 == page.locator(".card").evaluate_all(CUT)
    page.goto("/portfolio/")
    assert 375 == visitor.width()
