"""What tests of several rooms share."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.processes import MARKET_DATA, App, Exchange


def missing(what: str) -> None:
    """Skip with one line, or fail where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing: {what}")
    pytest.skip(f"missing: {what}")


class ManualClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> ManualClock:
    """A Wednesday morning in New York, standing still."""
    return ManualClock()


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of recorded market data."""
    if not MARKET_DATA.is_dir():
        pytest.skip("recorded market data is not here")
    return MARKET_DATA


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    """A built-in exchange with its seeded model."""
    with Exchange(tmp_path) as running:
        yield running


@pytest.fixture
def app_on_exchange(tmp_path: Path, exchange: Exchange) -> Iterator[App]:
    """The app, with the exchange in Binance's place."""
    with App(tmp_path, {"BINANCE_WS_URL": exchange.url}) as running:
        yield running
