"""The HTTP routes beside `/ws/realtime/`.

Long for a reason: every route with every refusal is here.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from omcrm import create_app
from omcrm.extensions import db, limiter
from omcrm.gateways.realtime_message import MESSAGE_TYPES
from omcrm.gateways.realtime_routes import PRICE_UPDATES
from omcrm.market.catalogue import CATALOGUE
from omcrm.pricing.price_feed_state import held
from omcrm.services import services_of
from omcrm.settings import load
from omcrm.storage.instrument import InstrumentRow
from tests.gateways.enveloped import hold, program, trades
from tests.gateways.here import Make, Served
from tests.processes import PATIENCE, Exchange
from tests.upstreams import at_the_exchange

FORCE = "/api/realtime/force_price_update/"
FRESH = ("prices:update",)


@pytest.fixture
def ask(here: Served) -> Callable[..., Any]:
    """Sends a request, with a token if there is one; returns the status and the body."""

    def ask(path: str, token: str = "", method: str = "GET", **options: Any) -> tuple[int, Any]:
        headers = {"x-api-key": token} if token else {}
        answer = requests.request(
            method, here.base + path, headers=headers, timeout=PATIENCE, **options
        )
        return answer.status_code, answer.json()

    return ask


# The description


def test_where_the_websocket_is(here: Served, ask: Callable[..., Any]) -> None:
    """At the host of the request, with every message type."""
    status, body = ask("/realtime/websocket-info/")
    host = f"127.0.0.1:{here.port}"

    assert 200 == status
    assert f"ws://{host}/ws/realtime/" == body["websocket_url"]
    assert {
        "protocol": "ws",
        "host": host,
        "path": "/ws/realtime/",
        "authentication": "session-based",
    }.items() <= body["connection_info"].items()
    assert MESSAGE_TYPES == body["message_types"]
    assert "100 ms" in body["update_frequency"]
    assert body["supported_features"]


@pytest.mark.parametrize(
    ("settings", "headers", "url"),
    [
        ({"PUBLIC_URL": "https://desk.example.com"}, {}, "wss://desk.example.com/ws/realtime/"),
        (
            {"TRUSTED_PROXIES": "1"},
            {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "desk.example.com"},
            "wss://desk.example.com/ws/realtime/",
        ),
        (
            {},
            {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "desk.example.com"},
            "ws://127.0.0.1:{port}/ws/realtime/",
        ),
    ],
)
def test_behind_a_proxy(
    serve: Make, settings: dict[str, str], headers: dict[str, str], url: str
) -> None:
    """The public address is from the setting or a trusted proxy; other headers are ignored."""
    here = serve(**settings)
    answer = requests.get(
        f"{here.base}/realtime/websocket-info/", headers=headers, timeout=PATIENCE
    )

    assert url.format(port=here.port) == answer.json()["websocket_url"]


# Status and health


def test_the_status_counts_all_and_names_the_callers_own(
    here: Served, ask: Callable[..., Any]
) -> None:
    """Of other users there are only totals."""
    one, other = here.create_user(), here.create_user()
    mine, theirs = hold(here, one), hold(here, other)
    with ExitStack() as stack:
        programs = [stack.enter_context(program(here, user)) for user in (one, one, other)]
        for subscriber, symbol, number in zip(
            programs, ("BTC", "ETH", "BTC"), (mine, mine, theirs), strict=True
        ):
            subscriber.answer("subscribe_asset", symbol=symbol)
            subscriber.answer("subscribe_portfolio", portfolio_id=number)
        status, body = ask("/realtime/status/", here.token(one, ("market:read", "portfolio:read")))
        weak = ask("/realtime/status/", here.token(one))[1]
        nobody = ask("/realtime/status/", here.token())[1]

    assert (200, "running") == (status, body["service_status"])
    assert {
        "total_connections": 3,
        "authenticated_users": 2,
        "portfolio_subscriptions": 3,
        "asset_subscriptions": 3,
    } == body["global_stats"]
    assert {
        "connection_count": 2,
        "subscriptions": {"portfolios": [mine], "assets": ["BTC", "ETH"]},
    } == body["user_stats"]
    assert ([], ["BTC", "ETH"]) == tuple(weak["user_stats"]["subscriptions"].values())
    assert {"connection_count": 0, "subscriptions": {"portfolios": [], "assets": []}} == nobody[
        "user_stats"
    ]


def test_the_status_of_the_feed(here: Served, ask: Callable[..., Any]) -> None:
    """The state of this process, or of the command for the same database."""
    token, settings = here.token(), services_of(here.app).settings
    running = ask("/realtime/status/", token)[1]["price_feed"]
    here.manager.stop()
    stopped = ask("/realtime/status/", token)[1]["price_feed"]
    with held(settings.feed_state_path, settings.database, 7, 3):
        command = ask("/realtime/status/", token)[1]["price_feed"]
        health = ask("/realtime/health/")[1]

    names = ("is_running", "update_interval", "max_batch_size")
    interval = settings.realtime_update_interval
    assert [(True, interval, 50), (False, interval, 50), (True, 7, 3)] == [
        tuple(status[name] for name in names) for status in (running, stopped, command)
    ]
    assert True is health["price_feed_running"]


def test_the_health(here: Served, ask: Callable[..., Any]) -> None:
    """It is public, and contains only totals."""
    with program(here, here.create_user()):
        status, body = ask("/realtime/health/")

    assert 200 == status
    assert body.pop("timestamp").endswith("Z")
    assert {"price_feed_running": True, "active_connections": 1} == body


@pytest.mark.parametrize(("path", "method"), [("/realtime/status/", "GET"), (FORCE, "POST")])
def test_a_request_without_a_credential_is_401(
    ask: Callable[..., Any], path: str, method: str
) -> None:
    """In JSON instead of a redirect to the login page."""
    assert (401, "AUTHENTICATION_REQUIRED") == _refusal(ask(path, method=method))
    assert (401, "AUTHENTICATION_FAILED") == _refusal(ask(path, "omcrm_wrong", method))


# The page


def test_the_page_needs_a_login(client: FlaskClient) -> None:
    """An anonymous user is redirected to the login, with the way back."""
    answer = client.get("/realtime/dashboard/")

    assert 302 == answer.status_code
    assert "/auth/login?next=/realtime/dashboard/" in answer.location.replace("%2F", "/")


def test_the_page_shows_the_users_own_portfolios(here: Served) -> None:
    """And the catalogue; names are escaped."""
    user, other = here.create_user(), here.create_user()
    mine = hold(here, user, "<b>Mine</b>")
    hold(here, other, "Theirs")
    cookie = here.session(user).removeprefix("Cookie: ")
    page = requests.get(
        f"{here.base}/realtime/dashboard/", headers={"Cookie": cookie}, timeout=PATIENCE
    ).text

    assert [str(mine)] == re.findall(r'data-kind="portfolio" data-key="(\d+)"', page)
    assert 24 == page.count('data-kind="asset"')
    assert "&lt;b&gt;Mine&lt;/b&gt;" in page
    assert "<b>Mine" not in page
    assert "Theirs" not in page


# Fresh prices


@pytest.fixture
def fresh(exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An app whose sources are all at the built-in exchange; its feeds do not run."""
    environ = at_the_exchange(exchange, tmp_path)
    monkeypatch.setenv("ALPHA_VANTAGE_API_KEY", environ["ALPHA_VANTAGE_API_KEY"])
    app = create_app(load(environ))
    with app.app_context():
        db.create_all()
        db.session.add_all(InstrumentRow.of(instrument) for instrument in CATALOGUE)
        db.session.commit()
    yield Served(app, 0)
    with app.app_context():
        db.engine.dispose()
    limiter.reset()


def test_prices_are_fetched(fresh: Served, exchange: Exchange) -> None:
    """The answer has the current prices, and a reason for each failure."""
    exchange.fault("trick", venue="alpha_vantage", name="information_premium")
    answer = fresh.app.test_client().post(
        FORCE,
        json={"symbols": ["eurusd", "AAPL"]},
        headers={"x-api-key": fresh.token(scopes=FRESH)},
    )
    body = answer.get_json()

    assert 200 == answer.status_code
    (updated,), (failed,) = body["updated"], body["failed"]
    assert {"symbol", "price", "price_class", "source"} < updated.keys()
    assert ("EURUSD", "indicative", "exchangerate_api") == tuple(
        updated[name] for name in ("symbol", "price_class", "source")
    )
    assert updated["price"] > 0
    assert "AAPL" == failed["symbol"]
    assert "alpha_vantage" in failed["reason"]


def test_a_live_price_is_not_fetched(here: Served, ask: Callable[..., Any]) -> None:
    """The answer has the streamed price."""
    trades(here, "BTC", "61000.5")
    answer = ask(FORCE, here.token(scopes=FRESH), "POST", json={"symbols": ["BTC"]})
    timestamp = answer[1]["updated"][0].pop("timestamp")

    assert timestamp.endswith("Z")
    price = {"symbol": "BTC", "price": 61000.5, "price_class": "live", "source": "binance"}
    assert (200, {"updated": [price], "failed": []}) == answer


def test_unknown_symbols_are_named_beside_the_known(here: Served, ask: Callable[..., Any]) -> None:
    """Nothing is fetched."""
    token = here.token(scopes=FRESH)
    answer = ask(FORCE, token, "POST", json={"symbols": ["NOPE", "btc", "x", "AAPL"]})

    assert (
        400,
        {
            "error": "Unknown symbols: NOPE, X",
            "invalid_symbols": ["NOPE", "X"],
            "valid_symbols": ["BTC", "AAPL"],
        },
    ) == answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"symbols":[]}',
        b'{"symbols":"AAPL"}',
        b'{"symbols":[1]}',
        b'{"symbols":["' + b"x" * 21 + b'"]}',
        b'{"symbols":[' + b",".join([b'"A"'] * 51) + b"]}",
        b'{"symbols":' + b"[" * 100_000,
    ],
)
def test_an_invalid_request(here: Served, ask: Callable[..., Any], body: bytes) -> None:
    """The field is named; one to fifty symbols are allowed."""
    status, answer = ask(FORCE, here.token(scopes=FRESH), "POST", data=body)

    assert (400, "INVALID_PAYLOAD") == _refusal((status, answer))
    assert "symbols" == answer["error"]["field"]


def test_updates_are_limited_for_each_user(here: Served, ask: Callable[..., Any]) -> None:
    """All tokens of a user share the limit; invalid requests do not count."""
    trades(here, "BTC", "61000")
    user = here.create_user()
    tokens = [here.token(user, FRESH) for _ in range(2)]
    for _ in range(8):
        ask(FORCE, tokens[0], "POST", json={"symbols": ["NOPE"]})
    statuses = [
        ask(FORCE, tokens[number % 2], "POST", json={"symbols": ["BTC"]})[0]
        for number in range(PRICE_UPDATES.limit.amount + 1)
    ]
    other = ask(FORCE, here.token(scopes=FRESH), "POST", json={"symbols": ["BTC"]})

    assert [200] * PRICE_UPDATES.limit.amount + [429] == statuses
    assert 200 == other[0]
    assert (429, "TOO_MANY_REQUESTS") == _refusal(
        ask(FORCE, tokens[0], "POST", json={"symbols": ["BTC"]})
    )


def test_missing_rights(here: Served, ask: Callable[..., Any]) -> None:
    """A token without the scope, and a page on another site with the user's cookie."""
    weak = here.token(scopes=("market:read", "portfolio:write"))
    cookie = here.session(here.create_user()).removeprefix("Cookie: ")
    foreign = {"Cookie": cookie, "Origin": "https://elsewhere.example"}
    answers = [
        requests.post(
            here.base + FORCE, json={"symbols": ["BTC"]}, headers=headers, timeout=PATIENCE
        ).json()["error"]["code"]
        for headers in ({"Cookie": cookie}, foreign)
    ]

    assert (403, "INSUFFICIENT_SCOPE") == _refusal(
        ask(FORCE, weak, "POST", json={"symbols": ["BTC"]})
    )
    assert ["CSRF_FAILED", "FORBIDDEN_ORIGIN"] == answers
    assert 403 == ask("/realtime/status/", here.token(scopes=FRESH))[0]


def test_our_own_page_may_update_prices(here: Served) -> None:
    """With the session and the CSRF token of the page."""
    trades(here, "BTC", "61000")
    with requests.Session() as pages:
        session = here.session(here.create_user()).partition("=")[2]
        pages.cookies.set("omcrm_session", session, domain="127.0.0.1")
        page = pages.get(f"{here.base}/realtime/dashboard/", timeout=PATIENCE).text
        token = page.split('name="csrf-token" content="')[1].split('"')[0]
        headers = {"X-CSRFToken": token}
        answer = pages.post(
            here.base + FORCE, json={"symbols": ["BTC"]}, headers=headers, timeout=PATIENCE
        )

    assert 200 == answer.status_code
    assert ["BTC"] == [price["symbol"] for price in answer.json()["updated"]]


def _refusal(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["code"]
