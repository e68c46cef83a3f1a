"""The running app while PostgreSQL stands still or is gone: prices go on, the rest is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_database import NAME, add, is_ready, is_unready, sees_prices
from tests.processes import App, Exchange, wait_for
from tests.storage.postgresql_server import PostgresqlServer, program


@pytest.fixture
def server() -> Iterator[PostgresqlServer]:
    """A server that the test may freeze and kill."""
    program("initdb")
    server = PostgresqlServer()
    try:
        server.initialize()
        server.start()
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize(
    "mode",
    [
        "eventlet",
        pytest.param("gevent", marks=pytest.mark.long),
        pytest.param("threading", marks=pytest.mark.long),
    ],
)
def test_prices_do_not_wait_for_postgresql(
    tmp_path: Path, exchange: Exchange, server: PostgresqlServer, mode: str
) -> None:
    """Every request ends, with 503 and the time to try again; nothing is written twice."""
    environ = {"BINANCE_WS_URL": exchange.url, "OMCRM_ASYNC": mode, "DATABASE_URL": server.url}
    with App(tmp_path, environ) as app:
        browser = app.new_browser()
        headers = {"X-CSRFToken": browser.csrf("/portfolio/")}
        with browser.desk() as page:
            page.subscribe("BTC")
            sees_prices(page, 3)
            server.freeze()
            assert (503, "5") == add(browser, "Growth", headers)
            sees_prices(page, 5)
            assert 503 == browser.get(NAME).status_code
            wait_for(lambda: is_unready(browser), 30, "the database to be named")
            sees_prices(page, 5)
            server.thaw()
            wait_for(lambda: is_ready(browser), 30, "the database")
            assert (201, None) == add(browser, "Growth", headers)

            server.kill()
            assert (503, "5") == add(browser, "Value", headers)
            sees_prices(page, 5)
            server.start()
            wait_for(lambda: is_ready(browser), 30, "the database")
            assert (201, None) == add(browser, "Value", headers)
        names = [portfolio["name"] for portfolio in browser.get(NAME).json()["portfolios"]]
        assert "Traceback" not in app.output()

    assert ["Growth", "Value"] == names
