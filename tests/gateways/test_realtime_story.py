"""A portfolio on `/ws/realtime/` from start to end, in each thread mode, in a separate process."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.gateways.enveloped import REALTIME, Enveloped
from tests.modes import ONE_MODE
from tests.processes import PATIENCE, App, Browser, Exchange


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """The built-in exchange with its seeded model."""
    with Exchange(tmp_path_factory.mktemp("exchange")) as running:
        yield running


def change(browser: Browser, method: str, path: str, **body: object) -> dict:
    """Change a portfolio as a page does."""
    headers = {"X-CSRFToken": browser.csrf("/webtrader/dashboard")}
    url = f"{browser.base}/api/v1/portfolios{path}"
    answer = browser.http.request(method, url, json=body, headers=headers, timeout=PATIENCE)
    assert answer.ok, answer.text
    return answer.json()


@pytest.mark.parametrize("mode", ONE_MODE)
def test_from_the_exchange_to_a_value(mode: str, market: Exchange, tmp_path: Path) -> None:
    """Updates follow prices and edits, and end with an error when the portfolio is deleted."""
    with App(tmp_path, {"BINANCE_WS_URL": market.url, "OMCRM_ASYNC": mode}) as app:
        browser = app.new_browser()
        number = change(browser, "POST", "", name="Growth")["portfolio"]["id"]
        change(browser, "PUT", f"/{number}/holdings/BTC", quantity="1", average_cost="1")
        cookie, origin = f"Cookie: {browser.cookies()}", "Origin: http://127.0.0.1"
        with (
            closing(browser.http),
            Enveloped.open(app.port, REALTIME, cookie, origin) as program,
        ):
            assert True is program.receive_data("connection")["authenticated"]
            for symbol in ("BTC", "ETH"):
                assert "asset" == program.answer("subscribe_asset", symbol=symbol)[1]["type"]
            program.answer("subscribe_portfolio", portfolio_id=number)
            valuation = program.receive_data("portfolio_update")
            while valuation["coverage"]["live_percent"] != 100:
                valuation = program.receive_data("portfolio_update")
            moved = valuation
            # The figures of the day may come behind the first price.
            while moved["total_value"] == valuation["total_value"] or moved["daily_change"] is None:
                moved = program.receive_data("portfolio_update")

            change(browser, "PUT", f"/{number}/holdings/BTC", quantity="3", average_cost="1")
            while (edited := program.receive_data("portfolio_update"))["version"] == moved[
                "version"
            ]:
                pass
            assert 2.5 < edited["total_value"] / moved["total_value"] < 3.5

            change(browser, "DELETE", f"/{number}")
            assert "Access denied to portfolio" == program.receive_data("error")["message"]
            assert "pong" == program.answer("ping")[0]
        assert "Traceback" not in app.output()
