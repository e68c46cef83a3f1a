"""A raw WebSocket from start to end, in each thread mode, with the app in a separate process."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.gateways.conftest import FEED
from tests.gateways.here import JsonPeer
from tests.modes import ONE_MODE
from tests.processes import App, Browser, Exchange


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """The built-in exchange with its seeded model."""
    with Exchange(tmp_path_factory.mktemp("exchange")) as running:
        yield running


def connect(browser: Browser, port: int) -> JsonPeer:
    cookie, origin = f"Cookie: {browser.cookies()}", "Origin: http://127.0.0.1"
    return JsonPeer.open(port, FEED, cookie, origin)


@pytest.mark.parametrize("mode", ONE_MODE)
def test_from_the_exchange_to_a_program(mode: str, market: Exchange, tmp_path: Path) -> None:
    """Refused without a login; quotes, trades and history with it; closed at logout."""
    with App(tmp_path, {"BINANCE_WS_URL": market.url, "OMCRM_ASYNC": mode}) as app:
        with JsonPeer.open(app.port, FEED) as stranger:
            assert (1008, "Authentication token required") == stranger.end()

        browser = app.new_browser()
        with closing(browser.http), connect(browser, app.port) as program:
            channels = ["quotes", "trades"]
            subscribe = {"action": "subscribe", "symbols": ["BTC", "ETH"], "channels": channels}
            assert ["BTC", "ETH"] == program.ask(subscribe)["symbols"]
            live: set[str] = set()
            while live != {"BTC", "ETH"}:
                quote = program.receive_until("quote")
                live |= {quote["symbol"]} if quote["price_class"] == "live" else set()
            trade = program.receive_until("trade")
            program.send({**subscribe, "history": 5})
            history, _ = program.receive_until("history"), program.receive_until("history")

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
