"""The page that tests the sockets, and the documents, in a real browser."""

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

PRESETS = {"market_feed": 5, "realtime": 8, "finance_query_quotes": 1}


def connect(page: "Page", dialect: str, credential: str) -> None:
    """Choose a socket and a credential, and wait until it is open."""
    page.locator("#channel").select_option(dialect)
    page.locator("#credential").select_option(credential)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.locator("#state")).to_have_attribute("data-state", "open")


def test_any_socket_can_be_tried(visit: Visit) -> None:
    """By login and by ticket, on a phone: presets, messages, the filter, and the close."""
    visitor = visit(viewport={"width": 375, "height": 812})
    page = visitor.page
    page.goto("/realtime/test/")
    log, entries = page.locator("#log"), page.locator("#log .entry:visible")
    for dialect, count in PRESETS.items():
        page.locator("#channel").select_option(dialect)
        expect(page.locator("#presets button")).to_have_count(count)

    connect(page, "market_feed", "session")
    described = page.locator(".socket-messages:visible details")
    described.filter(has_text=re.compile(r"receive\s+pong\s")).locator("summary").click()
    expect(page.get_by_role("row", name="timestamp")).to_contain_text("time")
    page.get_by_role("button", name="ping", exact=True).click()
    page.get_by_role("button", name="Send").click()
    expect(log).to_contain_text('"type":"pong"')
    page.locator("#text").fill("<b>{</b>")
    page.locator("#text").press("Control+Enter")
    expect(log).to_contain_text("INVALID_JSON")
    page.locator("#direction").select_option("sent")
    expect(entries).to_have_count(2)
    expect(entries.last).to_contain_text(re.compile(r"\d\d:\d\d:\d\d\.\d{3}\s+8 B\s+<b>{</b>"))
    page.locator("#filter").fill("PING")
    expect(entries).to_have_count(1)
    page.locator("#filter").fill("")
    page.locator("#direction").select_option("")
    page.get_by_role("button", name="Disconnect").click()
    expect(page.locator("#state")).to_have_attribute("data-state", "closed")

    page.get_by_role("button", name="Clear").click()
    expect(entries).to_have_count(0)
    connect(page, "finance_query_profile", "ticket")
    expect(page.locator("#address")).to_have_text(re.compile("^ws://.*/profile/AAPL$"))
    expect(log).to_contain_text('"symbol":"AAPL"')
    assert 375 == visitor.width()
    page.get_by_role("button", name="Disconnect").click()

    # This dialect closes with a reason for a wrong token; others refuse the handshake.
    page.locator("#channel").select_option("market_feed")
    page.locator("#credential").select_option("token")
    page.get_by_label("API token").fill("omcrm_wrong")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(log).to_contain_text("Closed with 1008: Authentication failed")
    assert "omcrm_wrong" not in log.inner_text()


def test_the_documents_are_one_page(visit: Visit) -> None:
    """From a message to the part that its field refers to, also on a phone."""
    visitor = visit(viewport={"width": 375, "height": 812})
    page = visitor.page
    page.goto("/api/docs")
    page.locator("#market_feed summary", has_text=re.compile(r"receive\s+quote\s")).click()
    page.locator("#market_feed details[open]").get_by_label("What PriceClass is").click()

    expect(page.locator(":target")).to_be_visible()
    page.locator("details").evaluate_all("each => each.forEach((one) => (one.open = true))")
    assert 375 == visitor.width()
