"""One app on one exchange, shared by the desk's tests."""

from collections.abc import Iterator

import pytest

from tests.processes import App, Browser, Exchange, wait_for


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """The built-in exchange with its seeded model."""
    with Exchange(tmp_path_factory.mktemp("exchange")) as running:
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, market: Exchange) -> Iterator[App]:
    """The app, with the exchange in Binance's place."""
    folder = tmp_path_factory.mktemp("app")
    with App(folder, {"BINANCE_WS_URL": market.url, "MAX_DESK_SUBSCRIPTIONS": "20"}) as running:
        running.create_user("client@example.com", "client")
        running.create_user("admin@example.com", "admin")
        browser = running.log_in("client@example.com")
        wait_for(lambda: _btc_is_live(browser), what="the first live price")
        yield running


def _btc_is_live(browser: Browser) -> bool:
    """Whether the app has had a price from the exchange."""
    answer = browser.get("/webtrader/realtime_price/BTC")
    return answer.status_code == 200 and answer.json()["price_class"] == "live"


@pytest.fixture(scope="module")
def client(served: App) -> Browser:
    """A logged-in client's browser."""
    return served.log_in("client@example.com")


@pytest.fixture(scope="module")
def admin(served: App) -> Browser:
    """A logged-in administrator's browser."""
    return served.log_in("admin@example.com")
