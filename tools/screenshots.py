"""Write docs/screenshots: every page in a real browser, on an installation with some history.

Run it as `python -m tools.screenshots`. Where the recorded market data is at hand, BTC and ETH are
Binance's own, from the recording, and labelled with its date. The rest comes from the market model:
its last hour and a half is played in a minute, so that there are candles to show; then it trades in
real time.
"""

import heapq
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright  # noqa: E402

from omcrm.market.catalogue import CATALOGUE  # noqa: E402
from simulator import event  # noqa: E402
from simulator.model import Model  # noqa: E402
from tests.e2e.chromium import launch  # noqa: E402
from tests.processes import MARKET_DATA, App, Exchange, wait_for  # noqa: E402

TARGET = ROOT / "docs" / "screenshots"
LARGEST_KB = 300

SEED = 7
# The model's history in minutes, and the seconds in which it is played.
HISTORY_MINUTES = 95
HISTORY_SECONDS = 60
# How long the tape continues afterwards, while the screenshots are taken.
PRESENT_SECONDS = 120
STEP = 4_000
TICKER_EVERY = 20_000
# About how long everything takes to start; a little less, so that no price is from the future.
START_SECONDS = 5

RECORDING = MARKET_DATA / "binance" / "spot-2024-08-08"
RECORDING_SPEED = ("--speed", "2")

DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=375, height=812)
FORM = ViewportSize(width=1280, height=640)
TABLE = ViewportSize(width=1280, height=400)
TIMEOUT = 30_000
# The page measures the connection's delay again after it is drawn.
DRAWN_AFTER = 3_000


# The market


def write_tape(path: Path) -> None:
    """Write the model's trades around now as a tape: its history quickly, then in real time."""
    present = time.time_ns() // 1_000_000 + (START_SECONDS + HISTORY_SECONDS) * 1000
    with path.open("wb") as tape:
        paths = [trade(Model(item, SEED), present) for item in CATALOGUE]
        for now, stream, payload in heapq.merge(*paths, key=lambda line: line[0]):
            played = (now - present) * 1_000_000
            if played < 0:
                played = played * HISTORY_SECONDS // (HISTORY_MINUTES * 60)
            received = present * 1_000_000 + played
            tape.write(b'%d {"stream":"%s","data":%s}\n' % (received, stream, payload))


def trade(model: Model, present: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Give the times (ms), streams and payloads of one symbol."""
    listing = model.listing
    name = listing.stream.encode()
    now = begin = present - HISTORY_MINUTES * 60_000
    model.begin(begin)
    while now < present + PRESENT_SECONDS * 1000:
        step = model.step(now)
        listing.history.advance(now)
        if step.trade:
            yield now, name + b"@trade", event.trade(listing.symbol, step.trade, now)
        yield now, name + b"@bookTicker", event.book_ticker(listing.symbol, step.top)
        day = listing.day(now)
        if day and (now - begin) % TICKER_EVERY == 0:
            yield now, name + b"@ticker", event.ticker(listing, day, now)
        now += STEP if now < present else round(model.wait() * 1000)


def open_exchange(folder: Path, tapes: list[Path], *options: str) -> Exchange:
    """Start an exchange that plays tapes."""
    return Exchange(folder, "--tape", *map(str, tapes), *options)


def start(running: ExitStack, folder: Path) -> tuple[App, Exchange]:
    """Start the app on its exchanges; the second of these plays the model."""
    tape = folder / "model.tape"
    write_tape(tape)
    model = running.enter_context(open_exchange(folder, [tape], "--redate"))
    environ = {"OMCRM_DEMO": "true", "OMCRM_EXCHANGE_URL": model.url}
    if RECORDING.is_dir():
        recording = open_exchange(folder, sorted(RECORDING.glob("*.gz")), *RECORDING_SPEED)
        environ["BINANCE_WS_URL"] = running.enter_context(recording).url
    return running.enter_context(App(folder, environ)), model


def seconds_played(exchange: Exchange) -> float:
    """How much of its tape an exchange has played."""
    return float(exchange.state()["tape"]["position_seconds"])


# The pages


class Photographer:
    """Opens pages of one installation and takes pictures of them."""

    def __init__(self, browser: Browser, app: App) -> None:
        self._browser = browser
        self._base = app.base
        lines = (app.folder / "instance" / "demo_logins").read_text().splitlines()
        self._logins = {role: (email, password) for role, email, password in map(str.split, lines)}

    def open(self, role: str | None, viewport: ViewportSize, theme: str = "dark") -> Page:
        """A browser of its own, logged in as a role unless that is None."""
        context = self._browser.new_context(base_url=self._base, viewport=viewport)
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(f"localStorage.setItem('omcrm-theme', '{theme}')")
        page = context.new_page()
        page.goto("/auth/login")
        if role is not None:
            email, password = self._logins[role]
            page.get_by_label("E-mail").fill(email)
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Log in").click()
            expect(page.locator("#connection")).to_have_attribute("data-state", "connected")
        return page

    def show(self, page: Page, symbol: str) -> None:
        """Open an instrument and wait for its candles."""
        page.goto(f"/webtrader/dashboard#{symbol}")
        expect(page.locator("#chart-message")).to_be_hidden()
        expect(page.locator("#detail [data-field=price][data-tick]")).to_be_visible()

    def take(self, page: Page, name: str) -> None:
        """Save a picture of the window."""
        path = TARGET / f"{name}.png"
        page.wait_for_timeout(DRAWN_AFTER)
        page.evaluate("document.fonts.ready")
        page.screenshot(path=path)
        size = path.stat().st_size // 1000
        print(f"{path.relative_to(ROOT)}  {size} kB")
        if size > LARGEST_KB:
            raise SystemExit(f"{path.name} is larger than {LARGEST_KB} kB")


def take_all(photographer: Photographer) -> None:
    """Take every picture."""
    desk = photographer.open("client", DESKTOP)
    photographer.show(desk, "SOL")
    photographer.take(desk, "desk-dark")

    light = photographer.open("client", DESKTOP, theme="light")
    photographer.show(light, "EURUSD")
    photographer.take(light, "desk-light")

    phone = photographer.open("client", PHONE)
    expect(phone.locator(".row[data-symbol=BTC] [data-tick]")).to_be_visible()
    photographer.take(phone, "phone")
    photographer.show(phone, "NVDA")
    photographer.take(phone, "phone-instrument")

    feeds = photographer.open("admin", TABLE)
    feeds.goto("/admin/feeds")
    expect(feeds.locator("#feeds-figures dt").first).to_be_visible()
    photographer.take(feeds, "admin-feeds")

    photographer.take(photographer.open(None, FORM), "login")


def main() -> None:
    """Start everything, wait for candles, take the screenshots."""
    TARGET.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=TIMEOUT)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        app, model = start(running, Path(folder))
        print(f"waiting {HISTORY_SECONDS} s for candles", flush=True)
        wait_for(lambda: seconds_played(model) > HISTORY_SECONDS, HISTORY_SECONDS + 60, "candles")
        with sync_playwright() as playwright:
            browser = launch(playwright)
            take_all(Photographer(browser, app))
            browser.close()


if __name__ == "__main__":
    main()
