"""The basic story of a raw WebSocket, on each kind of threads, as an operator runs the app."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.gateways.conftest import FEED
from tests.gateways.here import Speaker
from tests.modes import ONE_MODE
from tests.processes import App, Browser, Exchange


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """The built-in exchange with its seeded model."""
    with Exchange(tmp_path_factory.mktemp("exchange")) as running:
        yield running


def speaker(browser: Browser, port: int) -> Speaker:
    cookie, origin = f"Cookie: {browser.cookies()}", "Origin: http://127.0.0.1"
    return Speaker.open(port, FEED, cookie, origin)


@pytest.mark.parametrize("mode", ONE_MODE)
def test_from_the_exchange_to_a_program(mode: str, market: Exchange, tmp_path: Path) -> None:
    """Refused without a login; quotes, trades and history with it; over when the login is."""
    with App(tmp_path, {"BINANCE_WS_URL": market.url, "OMCRM_ASYNC": mode}) as app:
        with Speaker.open(app.port, FEED) as stranger:
            assert (1008, "Authentication token required") == stranger.end()

        browser = app.new_browser()
        with closing(browser.http), speaker(browser, app.port) as program:
            channels = ["quotes", "trades"]
            asked = {"action": "subscribe", "symbols": ["BTC", "ETH"], "channels": channels}
            assert ["BTC", "ETH"] == program.ask(asked)["symbols"]
            while program.hear_until("quote")["price_class"] != "live":
                pass
            trade = program.hear_until("trade")
            program.say({**asked, "history": 5})
            history, _ = program.hear_until("history"), program.hear_until("history")

            assert trade["price"] > 0
            assert "binance" == history["source"]
            assert 1 <= len(history["data"]) <= 5
            assert "INVALID_JSON" == program.ask("{")["code"]
            status = browser.get("/webtrader/realtime_status").json()["gateways"]
            assert {"connections": 1, "subscriptions": 2} == {
                name: status["dialects"]["market_feed"][name]
                for name in ("connections", "subscriptions")
            }

            browser.post("/auth/logout", data={"csrf_token": browser.csrf("/webtrader/dashboard")})
            assert (1008, "Session ended") == program.end()
        assert "Traceback" not in app.output()
