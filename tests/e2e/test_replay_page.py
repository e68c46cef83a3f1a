"""A recording in a real browser: every page says that it is one, and of which day."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.conftest import Installation, RestartableApp, Visitor
from tests.processes import Exchange

try:
    from playwright.sync_api import Browser, expect
except ImportError:  # the fixture `chromium` says so
    expect = None

# Where other things run at the same time, browsers and servers take long to start.
pytestmark = pytest.mark.timeout(300)

Visit = Callable[..., Visitor]

BEGAN = datetime(2024, 8, 8, 23, 50, tzinfo=UTC)
LABEL = "Replayed 2024-08-08"
MINUTES = 8


def write_recording(path: Path) -> Path:
    """Binance's trades in BTC and the books around them, five of each in a second."""
    first = round(BEGAN.timestamp() * 1000)
    lines = []
    for number in range(MINUTES * 60 * 5):
        at, price = first + number * 200, 61_000 + number % 7
        trade = (
            f'{{"e":"trade","E":{at},"s":"BTCUSDT","t":{number},"p":"{price}.5","q":"0.5",'
            f'"T":{at},"m":true,"M":true}}'
        )
        book = f'{{"u":{number},"s":"BTCUSDT","b":"{price}","B":"1","a":"{price + 1}","A":"1"}}'
        lines += [f"{at * 1_000_000} {trade}", f"{at * 1_000_000} {book}"]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def installation(
    chromium: "Browser", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A installation with a recording in Binance's place."""
    folder = tmp_path_factory.mktemp("replay")
    tape = write_recording(folder / "day.binance")
    with (
        Exchange(folder, "--tape", str(tape)) as exchange,
        RestartableApp(folder, {"BINANCE_WS_URL": exchange.url}) as app,
    ):
        yield Installation(folder, exchange, app)


def test_every_page_labels_a_recording_with_its_date(visit: Visit) -> None:
    """The desk in the list and beside the chart, the portfolio, the assets and the feeds' page."""
    desk = visit()
    page = desk.page
    expect(desk.row("BTC")).to_have_attribute("data-class", "replayed")
    expect(desk.row("BTC").locator(".badge")).to_have_text("Replayed")
    expect(desk.row("BTC").locator("[data-field=source]")).to_have_text("2024-08-08 Binance")
    desk.row("BTC").click()
    expect(page.locator("#detail .badge")).to_have_text(LABEL)
    expect(page.locator("#detail [data-field=meaning]")).to_contain_text("From a recording")
    desk.sees_prices_move("BTC", times=2)

    page.goto("/portfolio/")
    page.get_by_label("Name").fill("Past")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("Instrument").fill("BTC")
    page.get_by_label("Quantity").fill("1")
    page.get_by_label("Average cost per unit").fill("1000")
    page.get_by_role("button", name="Add").click()
    row = page.locator("#holdings [data-symbol=BTC]")
    expect(row.locator(".badge")).to_have_text(LABEL)
    expect(row).to_contain_text("not counted")

    page.goto("/realtime/dashboard/")
    expect(page.locator("[data-key=BTC] .badge")).to_have_text(LABEL)

    page = visit("admin").page
    page.goto("/admin/feeds")
    candidate = page.locator("#chain [data-symbol=BTC] .candidate[data-source=binance]")
    expect(candidate.locator(".badge")).to_have_text(LABEL)
    expect(page.locator("#feeds [data-source=binance] .badge")).to_have_text(LABEL)
    page.goto("/admin/feeds?symbol=BTC")
    expect(page.locator("#explanation [data-part=shown] .badge")).to_have_text(LABEL)
    expect(page.locator("#explanation [data-source=binance] .badge")).to_have_text(LABEL)


def test_a_recording_that_ends_keeps_its_date(installation: Installation, visit: Visit) -> None:
    """It is stale then, and not as if it had been live."""
    desk = visit()
    desk.row("BTC").click()
    expect(desk.row("BTC")).to_have_attribute("data-class", "replayed")
    installation.exchange.stop()
    expect(desk.row("BTC").locator(".badge")).to_have_text("Stale")
    expect(desk.row("BTC").locator("[data-field=source]")).to_have_text("2024-08-08 Binance")
    expect(desk.page.locator("#detail .badge")).to_have_text("Stale 2024-08-08")
