"""Sources that contradict each other, in a real browser: the signs on the desk, and why."""

import re
from collections.abc import Callable, Iterator

import pytest

from omcrm.market.quote import StaleReason
from tests.e2e.conftest import Installation, RestartableApp, Visitor
from tests.e2e.two_recordings import write_recordings
from tests.processes import Exchange

try:
    from playwright.sync_api import Browser, Locator, Page, expect
except ImportError:  # the fixture `chromium` says so
    expect = None

# Where other things run at the same time, browsers and servers take long to start.
pytestmark = pytest.mark.timeout(600)

Visit = Callable[..., Visitor]

CONTRADICTED = "Another live source, or its source's own book, contradicts this price."
DIVERGES = "Another live source is 1.2 % away."
WORDS = """async (reasons) => {
  const { describeQuality, describeSign } = await import("/static/js/price_class.js");
  const quotes = reasons.map((stale_reason) => ({ price_class: "stale", stale_reason }));
  return Object.fromEntries(
    quotes.map((quote) => [quote.stale_reason, [describeQuality(quote), describeSign(quote)]]),
  );
}"""
# Whether two elements lie over each other.
OVERLAP = """([one, other]) => {
  const [a, b] = [one, other].map((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect();
  });
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}"""

# The colours of the first bar that is live, and of the price's badge.
COLOURS = """() => {
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  return [
    style("#explanation rect[data-class=live]").fill,
    style("#explanation .explanation-price .badge").color,
  ];
}"""


@pytest.fixture(scope="module")
def installation(
    chromium: "Browser", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """An installation with two redated recordings, in Binance's and in Coinbase's place."""
    folder = tmp_path_factory.mktemp("contradictions")
    tapes = [str(path) for path in write_recordings(folder)]
    with Exchange(folder, "--redate", "--tape", *tapes) as exchange:
        environ = {
            "REALTIME_SOURCES": "binance,coinbase",
            "BINANCE_WS_URL": exchange.url,
            "COINBASE_WS_URL": f"{exchange.url}/coinbase",
        }
        with RestartableApp(folder, environ) as app:
            yield Installation(folder, exchange, app)


def sign(visitor: Visitor, symbol: str) -> "Locator":
    """The sign beside a price in the watchlist."""
    return visitor.row(symbol).locator("[data-field=sign]")


def source(page: "Page", name: str) -> "Locator":
    """A source's row in the table of why."""
    return page.locator(f"#explanation [data-source={name}]")


def test_a_contradicted_price_has_a_sign_in_words(visit: Visit) -> None:
    """In the list and in the detail; other prices have none."""
    visitor = visit()
    expect(visitor.row("BTC")).to_have_attribute("data-class", "stale")
    expect(sign(visitor, "BTC")).to_have_text("≠")
    expect(sign(visitor, "BTC")).to_have_attribute("title", re.compile(CONTRADICTED))
    expect(sign(visitor, "BTC")).to_have_accessible_name(re.compile(CONTRADICTED))
    expect(visitor.row("BTC").locator(".badge")).to_have_attribute(
        "title", re.compile(CONTRADICTED)
    )
    expect(visitor.row("SOL")).to_have_attribute("data-class", "last_resort")
    expect(sign(visitor, "SOL")).to_be_hidden()
    visitor.row("BTC").click()
    expect(visitor.page.locator("#detail .badge")).to_have_text("Stale")
    expect(visitor.page.locator("#detail [data-field=meaning]")).to_contain_text(CONTRADICTED)


def test_a_divergence_has_a_sign_in_words(visit: Visit) -> None:
    """The price is live all the same; the sign says how far the other source is."""
    visitor = visit()
    expect(sign(visitor, "ETH")).to_have_text("≠")
    expect(visitor.row("ETH")).to_have_attribute("data-class", "live")
    expect(sign(visitor, "ETH")).to_have_attribute("title", DIVERGES)
    expect(sign(visitor, "ETH")).to_have_accessible_name(DIVERGES)
    visitor.row("ETH").click()
    expect(visitor.page.locator("#detail .badge")).to_have_text("Live")
    expect(visitor.page.locator("#detail [data-field=meaning]")).to_have_text(DIVERGES)


def test_every_reason_of_a_stale_price_is_in_words(visit: Visit) -> None:
    """Each has a sentence of its own; a sign where others, or the source itself, say otherwise."""
    words = visit().page.evaluate(WORDS, [reason.value for reason in StaleReason])

    assert len(StaleReason) == len({sentence for sentence, _ in words.values()})
    assert {"contradicted": "≠", "cancelled": "✕"} == {
        reason: sign for reason, (_, sign) in words.items() if sign
    }


@pytest.mark.parametrize("width", [1280, 390])
def test_a_sign_covers_no_figure(visit: Visit, width: int) -> None:
    """It stands between the price and the change, on a phone as well."""
    visitor = visit(viewport={"width": width, "height": 844})
    for symbol in ("BTC", "ETH"):
        expect(sign(visitor, symbol)).to_be_visible()
        mark = sign(visitor, symbol).element_handle()
        for field in ("price", "change"):
            cell = visitor.row(symbol).locator(f"[data-field={field}]").element_handle()

            assert not visitor.page.evaluate(OVERLAP, [mark, cell])
    assert width == visitor.width()


def test_why_a_price_is_contradicted(visit: Visit) -> None:
    """By the link of an instrument: the rule in words, and each source with its verdict."""
    page = visit("staff").page
    page.goto("/admin/feeds")
    page.locator("#chain").get_by_role("link", name="BTC", exact=True).click()
    shown = page.locator("#explanation [data-part=shown]")
    # Whichever came first.
    expect(shown).to_contain_text(re.compile(r"BTC\s+6[14],00\d\.50"))
    expect(shown.locator(".badge")).to_have_text("Stale")
    expect(shown).to_contain_text("nothing decides between them, so none is live")
    for name in ("binance", "coinbase"):
        expect(source(page, name)).to_contain_text("Contradicted")
        expect(source(page, name)).to_contain_text(
            "No Other live sources contradict its price, or did a while ago."
        )
    expect(page.locator("#explanation tbody")).to_contain_text("4.9")
    expect(source(page, "kraken")).to_contain_text("No price")
    expect(page.locator("#explanation .timeline-summary")).to_contain_text("stale")


def test_why_is_refreshed_and_stays_open(visit: Visit, installation: Installation) -> None:
    """A failover appears with the recovery hold of the lost source, in the list that is open."""
    page = visit("admin").page
    page.goto("/admin/feeds?symbol=ETH")
    expect(source(page, "binance")).to_have_attribute("data-active", "true")
    page.get_by_text("Every change, newest first").click()
    page.evaluate("kept = document.querySelector('#explanation details')")
    installation.exchange.fault("cut", venue="binance")
    expect(source(page, "coinbase")).to_have_attribute("data-active", "true")
    expect(source(page, "binance")).to_contain_text("Recovery hold")
    expect(source(page, "binance").locator("[data-label='Hold ends']")).to_contain_text("in ")
    expect(page.locator(".changes li").first).to_contain_text("Coinbase Live")
    expect(source(page, "binance")).to_have_attribute("data-active", "true")
    expect(page.locator(".changes li").first).to_contain_text("Binance Live")

    assert page.evaluate("kept === document.querySelector('#explanation details') && kept.open")


def test_why_works_without_javascript(
    visit: Visit, chromium: "Browser", installation: Installation
) -> None:
    """An instrument is chosen in a form; one that does not exist is named."""
    state = visit("staff").context.storage_state()
    context = chromium.new_context(
        base_url=installation.app.base, storage_state=state, java_script_enabled=False
    )
    with context:
        page = context.new_page()
        page.goto("/admin/feeds")
        page.get_by_label("Instrument").select_option("ETH")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_label("Instrument")).to_have_value("ETH")
        expect(source(page, "binance")).to_contain_text("2,500.50")
        page.goto("/admin/feeds?symbol=NOPE")
        expect(page.get_by_role("alert")).to_contain_text("There is no instrument NOPE.")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_phone_shows_why_without_scrolling_sideways(visit: Visit, scheme: str) -> None:
    """In both themes nothing is cut, and the bars of the classes are coloured."""
    visitor = visit("staff", viewport={"width": 390, "height": 844})
    page = visitor.page
    page.goto("/admin/feeds?symbol=ETH")
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", scheme)
    expect(source(page, "binance")).to_be_visible()
    cut = "cards => cards.filter((card) => card.scrollWidth > card.clientWidth).length"
    expect(page.locator("#explanation rect[data-class=live]").first).to_be_attached()
    # At once: the page is refreshed meanwhile, and an element that is gone has no colour.
    fill, colour = page.evaluate(COLOURS)

    assert 390 == visitor.width()
    assert 0 == page.locator("#why .card").evaluate_all(cut)
    assert fill == colour
