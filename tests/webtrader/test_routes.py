"""The desk's HTTP routes, with real sessions against a running server."""

import json
import sqlite3
from decimal import Decimal

import pytest

from tests.processes import App, Browser, wait_for

READ = (
    "realtime_status",
    "realtime_price/BTC",
    "chart_data/BTC",
    "market_status",
    "instruments",
)


@pytest.mark.parametrize("path", READ)
def test_anonymous_requests_are_refused(served: App, path: str) -> None:
    """Without a login the JSON routes answer 401."""
    answer = Browser(served.base).get(f"/webtrader/{path}")

    assert 401 == answer.status_code
    assert not answer.json()["success"]


def test_anonymous_visitors_are_sent_to_the_login(served: App) -> None:
    """Without a login the page redirects to the form, and back afterwards."""
    answer = Browser(served.base).get("/webtrader/dashboard")

    assert 302 == answer.status_code
    assert "/auth/login?next=/webtrader/dashboard" in answer.headers["Location"]


@pytest.mark.parametrize("path", ["start_realtime_feeds", "stop_realtime_feeds"])
def test_only_admins_control_feeds(served: App, client: Browser, path: str) -> None:
    """A client is refused with 403, and the attempt is in the audit log."""
    answer = client.send(f"/webtrader/{path}")

    assert 403 == answer.status_code
    database = sqlite3.connect(served.folder / "instance" / "omcrm.db")
    rows = database.execute(
        "select detail from audit_entries where action = 'refused_admin_access'"
    )
    assert any(path in detail for (detail,) in rows)
    database.close()


@pytest.mark.parametrize("path", ["start_realtime_feeds", "stop_realtime_feeds"])
def test_without_csrf_token(admin: Browser, path: str) -> None:
    """Without the token not even an administrator may."""
    answer = admin.post(f"/webtrader/{path}")

    assert 400 == answer.status_code
    assert "CSRF_FAILED" == answer.json()["error"]["code"]


def test_stop_and_start(served: App, admin: Browser, client: Browser) -> None:
    """An administrator stops and starts the feeds; a viewer does not start stopped ones."""
    stopped = admin.send("/webtrader/stop_realtime_feeds").json()
    again = admin.send("/webtrader/stop_realtime_feeds").json()
    client.get("/webtrader/dashboard")
    status = client.get("/webtrader/realtime_status").json()
    stale = client.get("/webtrader/realtime_price/BTC").json()
    started = admin.send("/webtrader/start_realtime_feeds").json()
    twice = admin.send("/webtrader/start_realtime_feeds").json()

    assert {"success": True, "status": "stopped"} == stopped
    assert {"success": True, "status": "already_stopped"} == again
    assert (False, True) == (status["running"], status["stopped_by_admin"])
    assert "stale" == stale["price_class"]
    assert "started" == started["status"]
    assert "already_running" == twice["status"]
    assert 24 == started["instruments_count"]
    assert "BTC" in started["crypto_symbols"]
    assert "AAPL" in started["stock_symbols"]
    assert "EURUSD" in started["forex_symbols"]
    wait_for(lambda: client.get("/webtrader/realtime_price/BTC").json()["price_class"] == "live", 5)


def test_realtime_status(client: Browser, admin: Browser) -> None:
    """Totals for everybody, numbers per user only for administrators."""
    status = client.get("/webtrader/realtime_status").json()

    assert status["running"]
    assert status["since"].endswith("Z")
    assert 24 == len(status["instruments"])
    fields = {
        "symbol",
        "price",
        "price_class",
        "price_basis",
        "source",
        "runner_up",
        "seq",
        "age_seconds",
    }
    assert fields == set(status["instruments"][0])
    assert {"connections", "users", "subscriptions"} == set(status["clients"])
    assert "by_user" in admin.get("/webtrader/realtime_status").json()["clients"]


def test_realtime_price(client: Browser) -> None:
    """A price is an exact number, neither a string nor a float."""
    answer = client.get("/webtrader/realtime_price/BTC")
    body = json.loads(answer.text, parse_float=Decimal)

    assert 200 == answer.status_code
    assert "BTC" == body["symbol"]
    assert -4 <= Decimal(body["price"]).as_tuple().exponent


def test_unknown_symbol(client: Browser) -> None:
    """A symbol that does not exist is a 404 with its code."""
    for path in ("realtime_price", "chart_data"):
        answer = client.get(f"/webtrader/{path}/NOPE")

        assert 404 == answer.status_code
        assert "UNKNOWN_SYMBOL" == answer.json()["error"]["code"]


def test_chart_data(client: Browser) -> None:
    """Candles over HTTP; an invalid query names its field."""
    good = client.get("/webtrader/chart_data/BTC?timeframe=5m&limit=3")
    texts = ("x", "1_0", "１０", "10.0", "1e1", "%2B10", "%2010", "0", "")
    refused = [client.get(f"/webtrader/chart_data/BTC?limit={text}") for text in texts]

    assert (200, "5m") == (good.status_code, good.json()["timeframe"])
    assert {400} == {answer.status_code for answer in refused}
    assert all("limit" in answer.json()["error"]["message"] for answer in refused)


def test_instruments(client: Browser) -> None:
    """The catalogue, with what a page needs to show a price, and a program to order."""
    instruments = client.get("/webtrader/instruments").json()["instruments"]

    assert 24 == len(instruments)
    assert {
        "id": 1,
        "symbol": "BTC",
        "name": "Bitcoin",
        "type": "crypto",
        "decimals": 2,
        "currency": "USD",
        "price_step": 0.01,
        "quantity_step": 0.00001,
        "minimum_quantity": 0.00001,
        "maximum_quantity": 1000000,
        "storage_scale": 8,
        "calendar": "always",
    } == instruments[0]


def test_front(client: Browser) -> None:
    """The short address redirects to the desk."""
    assert "/webtrader/dashboard" == client.get("/webtrader/").headers["Location"]
