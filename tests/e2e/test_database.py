"""The running app while its database cannot be used: prices go on, writes are refused."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes import App, Browser, DeskClient, Exchange, wait_for

NAME = "/api/v1/portfolios"


def database(app: App) -> Path:
    return Path(app.env["OMCRM_INSTANCE"]) / "omcrm.db"


def is_unready(browser: Browser) -> bool:
    """Whether `/readyz` names the database; it names feeds without a source, too."""
    answer = browser.get("/readyz")
    return answer.status_code == 503 and "database" in answer.json()["failing"]


def is_ready(browser: Browser) -> bool:
    return "database" not in browser.get("/readyz").json().get("failing", [])


def add(browser: Browser, name: str, headers: dict[str, str]) -> tuple[int, str | None]:
    """The status of creating a portfolio, and its Retry-After."""
    answer = browser.post(NAME, json={"name": name}, headers=headers)
    return answer.status_code, answer.headers.get("Retry-After")


def sees_prices(page: DeskClient, more: int) -> None:
    """Wait for so many more prices of BTC."""
    before = len(page.prices("BTC"))
    wait_for(lambda: len(page.prices("BTC")) >= before + more, 30, "prices")


@pytest.mark.parametrize(
    "mode",
    [
        "eventlet",
        pytest.param("gevent", marks=pytest.mark.long),
        pytest.param("threading", marks=pytest.mark.long),
    ],
)
def test_prices_do_not_wait_for_the_database(tmp_path: Path, exchange: Exchange, mode: str) -> None:
    """Another process writes, then the file is deleted: prices and reads go on, writes are refused.

    All of it happens before the lock is let go.
    """
    with App(tmp_path, {"BINANCE_WS_URL": exchange.url, "OMCRM_ASYNC": mode}) as app:
        browser = app.new_browser()
        headers = {"X-CSRFToken": browser.csrf("/portfolio/")}
        with browser.desk() as page, closing(sqlite3.connect(database(app))) as other:
            page.subscribe("BTC")
            sees_prices(page, 3)
            other.execute("BEGIN EXCLUSIVE")
            # Events of the feeds would be stored now.
            exchange.fault("cut")
            assert (503, "5") == add(browser, "Growth", headers)
            sees_prices(page, 5)
            assert 200 == browser.get(NAME).status_code
            wait_for(lambda: is_unready(browser), 30, "the database to be named")
            other.rollback()
            assert (201, None) == add(browser, "Growth", headers)
            wait_for(lambda: is_ready(browser), 30, "the database")

            away = tmp_path / "away.db"
            database(app).rename(away)
            wait_for(lambda: is_unready(browser), 30, "the database to be named")
            assert (503, "5") == add(browser, "Value", headers)
            sees_prices(page, 3)
            assert not database(app).exists()
            away.rename(database(app))
            wait_for(lambda: is_ready(browser), 30, "the database")
            assert (201, None) == add(browser, "Value", headers)
        assert "Traceback" not in app.output()


@pytest.mark.long
def test_a_full_disk_is_named(tmp_path: Path, small_disk: Path) -> None:
    """Writes are refused as long as it is full, and readers are served."""
    with App(tmp_path, {"OMCRM_INSTANCE": str(small_disk)}) as app:
        browser = app.new_browser()
        headers = {"X-CSRFToken": browser.csrf("/portfolio/")}
        (small_disk / "filler").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
        wait_for(lambda: is_unready(browser), 30, "the database to be named")
        assert (503, "5") == add(browser, "Growth", headers)
        assert 200 == browser.get(NAME).status_code
        (small_disk / "filler").unlink()
        wait_for(lambda: is_ready(browser), 30, "the database")
        assert (201, None) == add(browser, "Growth", headers)
        assert "Traceback" not in app.output()
