"""The administrator's page of the feeds, and the form of instruments, in a real browser."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.conftest import Installation, RestartableApp, Visitor
from tests.processes import Exchange

try:
    from playwright.sync_api import Browser, Locator, Page, expect
except ImportError:  # the fixture `chromium` says so
    expect = None

# Where other things run at the same time, browsers and servers take long to start.
pytestmark = pytest.mark.timeout(300)

Visit = Callable[..., Visitor]

REFRESHES = 5_000  # milliseconds in which the page refreshes at least twice
TOPS = """() => ["chain", "quota", "events", "quarantine"].map(
  (id) => document.getElementById(`${id}-title`).getBoundingClientRect().top + scrollY
)"""


@pytest.fixture(scope="module")
def installation(
    chromium: "Browser", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The app with the exchange in Binance's, Coinbase's, CoinGecko's and Finnhub's place."""
    folder = tmp_path_factory.mktemp("feeds")
    with Exchange(folder) as exchange:
        environ = {
            "REALTIME_SOURCES": "binance,coinbase,kraken,coingecko,finnhub",
            "KRAKEN_WS_URL": "",
            "BINANCE_WS_URL": exchange.url,
            "COINBASE_WS_URL": f"{exchange.url}/coinbase",
            "COINGECKO_URL": f"http://127.0.0.1:{exchange.port}/coingecko/api/v3",
            "FINNHUB_WS_URL": f"{exchange.url}/finnhub",
            "FINNHUB_API_KEY": "",
            "COINGECKO_API_KEY": "",
        }
        with RestartableApp(folder, environ) as app:
            yield Installation(folder, exchange, app)


@pytest.fixture
def page(visit: Visit) -> "Page":
    """The page of the feeds, with Binance active for BTC and Coinbase as standby."""
    page = visit("admin").page
    page.goto("/admin/feeds")
    expect(candidate(page, "binance")).to_have_attribute("data-role", "active")
    expect(candidate(page, "coinbase")).to_have_attribute("data-role", "standby")
    return page


def candidate(page: "Page", source: str, symbol: str = "BTC") -> "Locator":
    """A source's badge in the chain of a symbol."""
    return page.locator(f"#chain [data-symbol={symbol}] .candidate[data-source={source}]")


def test_sources_are_drawn_in_order(page: "Page") -> None:
    """Each source has its class, price and age; the active one is named beside the symbol."""
    row = page.locator("#chain [data-symbol=BTC]")
    names = row.locator(".candidate [data-field=name]").all_inner_texts()

    assert ["Binance", "Coinbase"] == names[:2]
    assert "Last resort" == names[-1]
    expect(row.locator("[data-field=source]")).to_have_text("Binance")
    expect(candidate(page, "binance").locator(".badge")).to_have_text("Live")
    expect(candidate(page, "last_resort").locator("[data-field=price]")).to_have_text("61,800.00")
    expect(page.locator("#chain tbody tr")).to_have_count(24)


def test_a_source_that_is_off_has_a_reason(page: "Page") -> None:
    """A missing key is named; a source without an address has another reason."""
    finnhub = page.locator("#feeds [data-source=finnhub]")
    kraken = page.locator("#feeds [data-source=kraken]")

    expect(finnhub).to_have_attribute("data-state", "off")
    expect(finnhub.locator("[data-field=reason]")).to_have_text("FINNHUB_API_KEY is not set")
    expect(kraken.locator("[data-field=reason]")).to_have_text("No address is set.")
    expect(page.locator("#feeds [data-source=coingecko]")).to_contain_text("standing by")


def test_quotas_have_their_bars(page: "Page") -> None:
    """Each budget is a meter with a figure, and a sentence about its end."""
    bar = page.get_by_role("meter", name="Calls of CoinGecko this month")

    expect(bar).to_have_attribute("aria-valuemax", "10000")
    expect(page.locator("#quota tbody tr").last).to_contain_text("Renews at")


def test_a_spike_and_what_follows(page: "Page", installation: Installation) -> None:
    """A rejected price is in the quarantine with the other sources' prices, and in the events."""
    expect(page.locator("#quarantine-empty")).to_contain_text("No price was rejected")
    installation.exchange.fault("spike", symbol="BTCUSDT", factor=3, count=1)
    row = page.locator("#quarantine tbody tr").first
    expect(row).to_contain_text("unconfirmed jump")
    expect(row).to_contain_text("+200.00 %")
    expect(row.locator("[data-field=others]")).to_contain_text("Coinbase 6")

    page.get_by_label("Kind").select_option(label="Rejected")
    events = page.locator("#events tbody tr")
    expect(events).to_have_count(1)
    expect(events).to_contain_text("Unconfirmed jump: price 18")
    page.locator("#events-source").select_option(label="Coinbase")
    expect(page.locator("#events-empty")).to_contain_text("is of this kind and source")


def test_a_failover_is_shown(page: "Page", installation: Installation) -> None:
    """When Binance sends nothing, its badge shows it, and Coinbase's is the highlighted one."""
    installation.exchange.fault("mute", venue="binance")
    expect(candidate(page, "coinbase")).to_have_attribute("data-role", "active")
    page.get_by_label("Kind").select_option(label="Took over")
    expect(page.locator("#events")).to_contain_text("after Binance")
    expect(page.locator("#events")).to_contain_text("Binance is")
    expect(page.locator("#events")).to_contain_text("silent for 1")
    page.get_by_label("Kind").select_option(label="State")
    expect(page.locator("#events")).to_contain_text("Streaming")
    installation.exchange.clear()
    expect(candidate(page, "binance")).to_have_attribute("data-role", "active")


def test_an_event_of_an_earlier_version_keeps_its_sentence(
    page: "Page", installation: Installation
) -> None:
    """It has no code, and is shown as it was written."""
    database = Path(installation.app.env["OMCRM_INSTANCE"]) / "omcrm.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "INSERT INTO feed_events (at, kind, source, symbols, reason)"
            " VALUES (?, 'state', 'kraken', '[]', 'waiting: limited: for a while')",
            [datetime.now(UTC).isoformat(" ")[:26]],
        )
        connection.commit()

    expect(page.locator("#events")).to_contain_text("Waiting: limited: for a while")


def test_nothing_jumps(page: "Page") -> None:
    """A refresh moves no section, recreates no row, and keeps the focus."""
    page.wait_for_timeout(REFRESHES)
    before = page.evaluate(TOPS)
    page.evaluate("kept = document.querySelector('#chain .candidate')")
    page.evaluate("event = document.querySelector('#events tbody tr:last-child')")
    page.locator("[role=region][aria-labelledby=events-title]").focus()
    page.wait_for_timeout(REFRESHES)

    assert before == page.evaluate(TOPS)
    assert page.evaluate("kept === document.querySelector('#chain .candidate')")
    assert page.evaluate("event === document.querySelector('#events tbody tr:last-child')")
    expect(page.locator("[role=region][aria-labelledby=events-title]")).to_be_focused()


@pytest.mark.parametrize("path", ["/admin/feeds", "/admin/instruments"])
def test_a_phone_needs_no_scrolling_sideways(visit: Visit, path: str) -> None:
    """Everything is as wide as the screen, also inside of the cards."""
    visitor = visit("admin", viewport={"width": 375, "height": 812})
    visitor.page.goto(path)
    expect(visitor.page.locator("tbody tr").first).to_be_visible()
    visitor.page.wait_for_timeout(REFRESHES)
    cut = "cards => cards.filter((card) => card.scrollWidth > card.clientWidth).length"

    assert 375 == visitor.width()
    assert 0 == visitor.page.locator(".card, .candidate").evaluate_all(cut)


def test_only_the_sources_of_the_type_are_shown(visit: Visit) -> None:
    """A type shows its sources; text typed for another type is not sent."""
    page = visit("admin").page
    page.goto("/admin/instruments")
    page.get_by_label("Binance").fill("not/a/name")
    page.get_by_label("Type").select_option("stock")
    expect(page.get_by_label("Binance")).to_be_hidden()
    expect(page.get_by_label("Built-in exchange")).to_be_visible()
    for label, text in {"Symbol": "IBM", "Decimals": "2", "Finnhub": "ibm"}.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Name", exact=True).fill("IBM")
    page.get_by_role("button", name="Add").click()

    expect(page.get_by_role("status")).to_contain_text("IBM is added")
    expect(page.locator("[data-symbol=IBM]")).to_contain_text("IBM Finnhub")


def test_staff_see_the_feeds_and_no_buttons(visit: Visit) -> None:
    """The tables are filled as for an administrator; nothing starts or stops the feeds."""
    page = visit("staff").page
    page.goto("/admin/feeds")

    expect(page.locator("#feeds tbody tr").first).to_be_visible()
    expect(page.locator("#chain tbody tr").first).to_be_visible()
    expect(page.locator("#feeds-summary")).to_contain_text("Running")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_role("link", name="Feeds")).to_be_visible()
    expect(page.get_by_role("link", name="Instruments")).to_have_count(0)
