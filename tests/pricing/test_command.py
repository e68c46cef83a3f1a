import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.processes import PATIENCE, ROOT, Exchange

Done = "subprocess.CompletedProcess[str]"


@pytest.fixture
def update(environ: Mapping[str, str]) -> Callable[..., Done]:
    """Runs the command as an operator does."""

    def run(*arguments: str) -> Done:
        return subprocess.run(
            [sys.executable, "manage.py", "update_asset_prices", *arguments],
            cwd=ROOT,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def count(environ: Mapping[str, str], table: str) -> int:
    with sqlite3.connect(Path(environ["OMCRM_INSTANCE"]) / "omcrm.db") as base:
        rows: int = base.execute(f"select count(*) from {table}").fetchone()[0]
    base.close()
    return rows


def test_prices_are_written_and_printed(
    update: Callable[..., Done], environ: Mapping[str, str]
) -> None:
    """The table has old and new prices; a dry run prints the same and writes nothing."""
    dry = update("--symbols", "BTC", "EURUSD", "--dry-run")
    unwritten = count(environ, "asset_prices")
    real = update("--symbols", "btc", "--symbols", "AAPL")
    again = update("--symbols", "BTC")

    assert (0, 0, 0) == (dry.returncode, real.returncode, again.returncode), (
        dry.stderr + real.stderr + again.stderr
    )
    assert 0 == unwritten
    assert "2 prices fetched, nothing written." in dry.stdout
    assert ["BTC", "–"] == dry.stdout.splitlines()[1].split()[:2]
    assert "indicative  exchangerate_api" in dry.stdout
    assert 2 == count(environ, "asset_prices")
    assert "2 prices written." in real.stdout
    # The previous new price is the old one now.
    assert real.stdout.splitlines()[1].split()[2] == again.stdout.splitlines()[1].split()[1]
    assert "Asking for prices" in again.stderr


def test_missing_days_are_fetched_once(
    update: Callable[..., Done], environ: Mapping[str, str], exchange: Exchange
) -> None:
    """A second run makes no call and writes nothing."""
    arguments = ("--historical", "--days", "10", "--symbols", "BTC", "EURUSD")
    dry = update(*arguments, "--dry-run")
    unwritten = count(environ, "daily_candles")
    first = update(*arguments)
    written, asked = count(environ, "daily_candles"), answers(exchange)
    second = update(*arguments)

    assert (0, 0, 0) == (dry.returncode, first.returncode, second.returncode), first.stderr
    assert 0 == unwritten
    assert 10 < written <= 20
    assert f"{written} days fetched, nothing written." in dry.stdout
    assert f"{written} days written." in first.stdout
    assert "0 days written." in second.stdout
    assert (written, asked) == (count(environ, "daily_candles"), answers(exchange))


def answers(exchange: Exchange) -> int:
    return sum(venue["http_answers"] for venue in exchange.state()["venues"].values())


def wait_for_a_day_that_lasts() -> None:
    """Budgets of a day renew at midnight UTC: wait it over where it comes during the test."""
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    if (left := (midnight - now).total_seconds()) < PATIENCE:
        time.sleep(left)


def test_a_failure_is_named_and_ends_with_1(
    update: Callable[..., Done], environ: Mapping[str, str], exchange: Exchange
) -> None:
    """The other symbols are still written."""
    wait_for_a_day_that_lasts()
    exchange.fault("trick", venue="alpha_vantage", name="information_limit")
    prices = update("--symbols", "AAPL", "BTC")
    days = update("--symbols", "AAPL", "BTC", "--historical", "--days", "7")

    for done in (prices, days):
        assert 1 == done.returncode
        assert "AAPL failed: " in done.stderr
        assert "BTC failed" not in done.stderr
        assert "Traceback" not in done.stderr
        assert environ["ALPHA_VANTAGE_API_KEY"] not in done.stderr + done.stdout
    assert "refused with 429" in prices.stderr
    # The day's calls are used up, so that no second call was made.
    assert "days are missing: alpha_vantage: its quota is used up" in days.stderr
    assert (1, 7) == (count(environ, "asset_prices"), count(environ, "daily_candles"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--symbols", "BTC", "NONE", "NIX"), "unknown symbols: NONE, NIX"),
        (("BTC",), "a symbol is given with --symbols: BTC"),
        (("--days", "5"), "--days goes with --historical"),
        pytest.param(("--historical", "--days", "0"), "--days", marks=pytest.mark.long),
        pytest.param(("--historical", "--days", "366"), "--days", marks=pytest.mark.long),
    ],
)
def test_what_is_not_understood_ends_with_2(
    update: Callable[..., Done], exchange: Exchange, arguments: tuple[str, ...], named: str
) -> None:
    """No call is made."""
    done = update(*arguments)

    assert 2 == done.returncode
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert 0 == answers(exchange)
