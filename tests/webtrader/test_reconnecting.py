"""Pages that come back, under every kind of threads: who is looked up, and who is refused."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from omcrm.concurrency import MODES
from tests.processes import App, Browser, wait_for
from tests.webtrader.refused_page import refusal


@pytest.fixture(scope="module", params=MODES)
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app with fixed prices."""
    with App(tmp_path_factory.mktemp("app"), {"OMCRM_ASYNC": request.param}) as running:
        yield running


def test_many_pages_come_back_at_once(app: App) -> None:
    """Pages of several users, each as its own: all get their prices."""
    browsers = [app.new_browser() for _ in range(3)]

    def visit(browser: Browser) -> tuple[str, set[str]]:
        with browser.desk() as page:
            answer = page.subscribe("BTC", "AAPL")
            return answer["message"], {"BTC", "AAPL"} & {
                body["symbol"] for body in page.bodies("price_update")
            }

    for _ in range(2):
        with ThreadPoolExecutor(12) as pool:
            visits = list(pool.map(visit, browsers * 8))
        assert [("Subscribed to 2 instruments", {"BTC", "AAPL"})] * 24 == visits


def test_a_logout_counts_at_once(app: App) -> None:
    """Although the login was looked up just before."""
    browser = app.new_browser()
    cookies = browser.cookies()
    with browser.desk() as page:
        token = browser.csrf("/webtrader/dashboard")
        assert 302 == browser.post("/auth/logout", data={"csrf_token": token}).status_code
        wait_for(lambda: not page.connected, what="the end of the page")
    gone = Browser(app.base)

    assert "authentication required" in refusal(gone, Cookie=cookies)


def test_an_account_disabled_elsewhere_cannot_come_back(app: App) -> None:
    """Once its page was disconnected, a new one is refused."""
    email = f"{secrets.token_hex(4)}@example.com"
    app.create_user(email)
    browser = app.log_in(email)
    with browser.desk() as page:
        app.run("manage.py", "disable-user", "--email", email)
        wait_for(lambda: not page.connected, what="the end of the page")

    assert "authentication required" in refusal(browser)
