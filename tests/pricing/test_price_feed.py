import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from omcrm.pricing.price_feed_state import PriceFeedState, price_feed_state
from tests.processes import PATIENCE, ROOT, App, Browser, Exchange, Process, wait_for
from tests.upstreams import at_the_exchange

COMMAND = [sys.executable, "manage.py", "start_price_feed"]


class Feed(Process):
    """The price feed as an operator runs it."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *arguments: str) -> None:
        super().__init__([*COMMAND, *arguments], environ, folder / "feed.log")
        self._base = Path(environ["OMCRM_INSTANCE"]) / "omcrm.db"
        wait_for(lambda: "runs as process" in self.output(), 20, self.output())

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self._base)) as base:
            return base.execute(query).fetchall()

    def btc(self) -> Any:
        """The stored price, price class and source of BTC."""
        columns, both = "price, price_class, source", "asset_prices join instruments"
        rows = self.rows(f"select {columns} from {both} on id = instrument_id where symbol = 'BTC'")
        return rows[0] if rows else None


@pytest.fixture
def environ(tmp_path: Path, exchange: Exchange) -> dict[str, str]:
    """All upstreams are the built-in exchange; only those without a key are used."""
    return {
        **at_the_exchange(exchange, tmp_path),
        "REALTIME_SOURCES": "binance,frankfurter",
        "ALPHA_VANTAGE_API_KEY": "",
    }


def test_prices_and_days_are_written(tmp_path: Path, environ: dict[str, str]) -> None:
    """Live prices again and again, each past day a single time; TERM ends the process cleanly."""
    with Feed(tmp_path, environ, "--interval", "1", "--batch-size", "3", "--verbose") as feed:
        wait_for(feed.btc, 20, "BTC")
        first = feed.btc()
        wait_for(lambda: feed.btc() != first, 20, "another price of BTC")
        wait_for(
            lambda: feed.rows("select * from daily_candles where source = 'frankfurter'"),
            20,
            "days",
        )
        classes = dict(feed.rows("select distinct source, price_class from asset_prices"))
        days = feed.rows("select instrument_id, day, count(*) from daily_candles group by 1, 2")
        output = feed.output()
        feed.stop()

    assert ("live", "binance") == first[1:]
    assert {"binance": "live", "frankfurter": "indicative"} == classes
    # Seven days of eight coins, and those of the currencies.
    assert len(days) > 56
    assert all(count == 1 for *_, count in days)
    assert "prices written" in output
    assert 0 == feed.process.returncode
    assert "Traceback" not in feed.output()


def test_a_second_price_feed_is_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    """The error names the first; an interrupt ends that one, and the next may start."""
    folder, database = Path(environ["FEED_STATE_DIR"]), f"sqlite:///{tmp_path}/instance/omcrm.db"
    with Feed(tmp_path, environ) as feed:
        second = subprocess.run(
            COMMAND, cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        during = price_feed_state(folder, database)
        feed.process.send_signal(signal.SIGINT)
        feed.process.wait(PATIENCE)

    assert 1 == second.returncode
    assert str(feed.pid) in second.stderr
    assert "Traceback" not in second.stderr
    assert PriceFeedState(True, feed.pid, 30, 50) == during
    assert 0 == feed.process.returncode
    assert PriceFeedState(False) == price_feed_state(folder, database)


def newest(feed: Feed) -> str:
    """When the last price was written; empty before the first one."""
    return feed.rows("select coalesce(max(written_at), '') from asset_prices")[0][0]


def test_it_runs_beside_the_app(tmp_path: Path, environ: dict[str, str]) -> None:
    """Both write to one database, and the app may stop and start."""
    with App(tmp_path, environ) as app, Feed(tmp_path, environ, "--interval", "1") as feed:
        with app.new_browser().desk() as page:
            page.subscribe("BTC")
            wait_for(lambda: len(page.prices("BTC")) > 3, 15, "prices on the desk")
        app.stop()
        before = wait_for(lambda: newest(feed), what="a price")
        wait_for(lambda: newest(feed) > before, what="a newer price")
        with App(tmp_path, environ) as again:
            again.create_user("someone@example.com")
        assert feed.process.poll() is None
        assert "locked" not in feed.output()
        assert "tried again" not in feed.output()


@pytest.fixture
def keyed(environ: dict[str, str], exchange: Exchange) -> dict[str, str]:
    """Also a source whose key allows one connection."""
    return {
        **environ,
        "REALTIME_SOURCES": "binance,finnhub",
        "FINNHUB_WS_URL": f"{exchange.url}/finnhub",
        "FINNHUB_API_KEY": "a-key-of-the-test",
        "OMCRM_ENGINE": "on",
    }


def finnhub(browser: Browser) -> tuple[str, str | None]:
    """The state of that source at the desk, and its last error."""
    status = browser.get("/webtrader/realtime_status").json()["providers"]["finnhub"]
    return status["state"], status["last_error"]


def has_its_connection(browser: Browser) -> bool:
    return finnhub(browser)[0] in ("connected", "streaming")


def has_feeds(feed: Feed) -> bool:
    return last_line(feed) == "The feeds run in this process."


def waits(feed: Feed) -> bool:
    return last_line(feed).startswith("This process waits: ")


def last_line(feed: Feed) -> str:
    return feed.output().rstrip().rpartition("\n")[2]


def test_the_desk_keeps_its_sources_beside_a_price_feed(
    tmp_path: Path, keyed: dict[str, str], exchange: Exchange
) -> None:
    """A price feed that is started later takes nothing away; the desk's prices are written as its
    options say, and it runs the feeds when the web process has ended."""
    with App(tmp_path, keyed) as app:
        browser = app.new_browser()
        wait_for(lambda: has_its_connection(browser), what="the keyed source")
        accepted = exchange.state()["venues"]["finnhub"]["connections_accepted"]
        with Feed(tmp_path, keyed, "--interval", "1", "--batch-size", "5") as feed:
            wait_for(lambda: waits(feed), what="the price feed to wait")
            first = wait_for(feed.btc, what="the desk's price in the database")
            wait_for(lambda: feed.btc() != first, what="the next one")
            assert ("live", "binance") == first[1:]
            assert (True, None) == (has_its_connection(browser), finnhub(browser)[1])
            assert accepted == exchange.state()["venues"]["finnhub"]["connections_accepted"]

            app.stop()
            wait_for(
                lambda: "run in this process" in last_line(feed), what="the feeds of the price feed"
            )
            before = feed.btc()
            wait_for(lambda: feed.btc() != before and feed.btc()[1] == "live", what="its prices")
            feed.stop()
    assert "Traceback" not in feed.output()


def test_a_price_feed_hands_its_feeds_over(
    tmp_path: Path, keyed: dict[str, str], exchange: Exchange
) -> None:
    """A web process that is started later gets every connection, says nothing of a key in use, and
    its prices are written from then on."""
    with Feed(tmp_path, keyed, "--interval", "1") as feed:
        wait_for(
            lambda: "run in this process" in last_line(feed), what="the feeds of the price feed"
        )
        wait_for(feed.btc, what="a price")
        with App(tmp_path, keyed) as app, app.new_browser().desk() as page:
            page.subscribe("BTC")
            wait_for(lambda: len(page.prices("BTC")) > 3, what="prices on the desk")
            wait_for(
                lambda: "This process waits" in last_line(feed), what="the price feed to say so"
            )
            browser = app.new_browser()
            wait_for(lambda: has_its_connection(browser), what="the keyed source")
            assert finnhub(browser)[1] is None
            before = feed.btc()
            wait_for(lambda: feed.btc() != before and feed.btc()[1] == "live", what="its prices")
            assert "live" == page.prices("BTC")[-1]["price_class"]
            page.close()
        wait_for(lambda: has_feeds(feed), what="the feeds to come back")


def test_a_paused_price_feed_does_not_stop_a_desk(tmp_path: Path, keyed: dict[str, str]) -> None:
    """The desk waits for it only for a while."""
    with Feed(tmp_path, keyed) as feed:
        wait_for(
            lambda: "run in this process" in last_line(feed), what="the feeds of the price feed"
        )
        feed.process.send_signal(signal.SIGSTOP)
        try:
            with App(tmp_path, keyed) as app, app.new_browser().desk() as page:
                page.subscribe("BTC")
                wait_for(lambda: page.prices("BTC"), what="prices on the desk")
                assert "did not hand its feeds over" in app.output()
        finally:
            feed.process.send_signal(signal.SIGCONT)


def test_stopped_feeds_are_stopped_here_too(tmp_path: Path, environ: dict[str, str]) -> None:
    """An administrator's stop applies to every process; no price is live then."""
    with Feed(tmp_path, environ, "--interval", "1") as feed:
        wait_for(feed.btc, 20, "BTC")
        with closing(sqlite3.connect(tmp_path / "instance" / "omcrm.db", timeout=PATIENCE)) as base:
            base.execute("insert into feed_switch values (1, 1, null, '2026-01-01 00:00:00')")
            base.commit()
        wait_for(lambda: feed.btc()[1] == "stale", 20, "no live price")


def test_an_unusable_database_is_reported_in_one_line(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    """With exit status 1, and without a traceback."""
    url = f"sqlite:///{tmp_path}/none/omcrm.db"
    done = subprocess.run(
        COMMAND, cwd=ROOT, env={**os.environ, **environ, "DATABASE_URL": url}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip

    assert 1 == done.returncode
    assert "cannot use the database: " in done.stderr
    assert "Traceback" not in done.stderr
