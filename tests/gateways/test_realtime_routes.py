"""The HTTP that belongs to `/ws/realtime/`.

Long for a reason: it is every route with every way to be refused.
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
from omcrm.gateways.realtime_routes import FORCED
from omcrm.market.catalogue import CATALOGUE
from omcrm.pricing.price_feed_state import held
from omcrm.settings import load
from tests.conftest import _row
from tests.gateways.enveloped import hold, program, trades
from tests.gateways.here import Make, Served
from tests.processes import PATIENCE, Exchange
from tests.upstreams import at_the_exchange

FORCE = "/api/realtime/force_price_update/"
FRESH = ("prices:update",)


@pytest.fixture
def ask(here: Served) -> Callable[..., Any]:
    """Asks with a token, if there is one; gives the status and the body."""

    def ask(path: str, token: str = "", method: str = "GET", **options: Any) -> tuple[int, Any]:
        headers = {"x-api-key": token} if token else {}
        answer = requests.request(
            method, here.base + path, headers=headers, timeout=PATIENCE, **options
        )
        return answer.status_code, answer.json()

    return ask


# What it is


def test_where_the_websocket_is(here: Served, ask: Callable[..., Any]) -> None:
    """At the address that was asked for, with every message that is understood."""
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
    """The outside address, by the setting or a trusted proxy; nobody else is believed."""
    here = serve(**settings)
    answer = requests.get(
        f"{here.base}/realtime/websocket-info/", headers=headers, timeout=PATIENCE
    )

    assert url.format(port=here.port) == answer.json()["websocket_url"]


# How it does


def test_the_status_counts_everybody_and_names_the_callers_own(
    here: Served, ask: Callable[..., Any]
) -> None:
    """Of others there are numbers and nothing else."""
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
    """That of this process, or of the command for the same database."""
    token, settings = here.token(), here.app.extensions["omcrm.settings"]
    running = ask("/realtime/status/", token)[1]["price_feed"]
    here.market.stop()
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
    """For whoever asks, and only in numbers."""
    with program(here, here.create_user()):
        status, body = ask("/realtime/health/")

    assert 200 == status
    assert body.pop("timestamp").endswith("Z")
    assert {"price_feed_running": True, "active_connections": 1} == body


@pytest.mark.parametrize(("path", "method"), [("/realtime/status/", "GET"), (FORCE, "POST")])
def test_a_program_without_a_credential_is_told_so(
    ask: Callable[..., Any], path: str, method: str
) -> None:
    """In JSON, and not with a log-in page."""
    assert (401, "AUTHENTICATION_REQUIRED") == _refusal(ask(path, method=method))
    assert (401, "AUTHENTICATION_FAILED") == _refusal(ask(path, "omcrm_wrong", method))


# The page


def test_the_page_needs_a_login(client: FlaskClient) -> None:
    """A stranger is sent to the log-in and back."""
    answer = client.get("/realtime/dashboard/")

    assert 302 == answer.status_code
    assert "/auth/login?next=/realtime/dashboard/" in answer.location.replace("%2F", "/")


def test_the_page_shows_what_is_ones_own(here: Served) -> None:
    """The catalogue and the user's portfolios, with their names escaped."""
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
    """An installation whose sources are all at the built-in exchange; its feeds do not run."""
    environ = at_the_exchange(exchange, tmp_path)
    monkeypatch.setenv("ALPHA_VANTAGE_API_KEY", environ["ALPHA_VANTAGE_API_KEY"])
    app = create_app(load(environ))
    with app.app_context():
        db.create_all()
        db.session.add_all(_row(instrument) for instrument in CATALOGUE)
        db.session.commit()
    yield Served(app, 0)
    with app.app_context():
        db.engine.dispose()
    limiter.reset()


def test_prices_are_really_fetched(fresh: Served, exchange: Exchange) -> None:
    """What the sources say now, and why there is nothing where there is not."""
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


def test_a_live_price_costs_nothing(here: Served, ask: Callable[..., Any]) -> None:
    """What a stream tells is told."""
    trades(here, "BTC", "61000.5")
    told = ask(FORCE, here.token(scopes=FRESH), "POST", json={"symbols": ["BTC"]})
    timestamp = told[1]["updated"][0].pop("timestamp")

    assert timestamp.endswith("Z")
    price = {"symbol": "BTC", "price": 61000.5, "price_class": "live", "source": "binance"}
    assert (200, {"updated": [price], "failed": []}) == told


def test_unknown_symbols_are_named_beside_the_known(here: Served, ask: Callable[..., Any]) -> None:
    """And nothing is fetched."""
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
def test_a_question_that_is_wrong(here: Served, ask: Callable[..., Any], body: bytes) -> None:
    """The field is named; one to fifty symbols are asked for."""
    status, answer = ask(FORCE, here.token(scopes=FRESH), "POST", data=body)

    assert (400, "INVALID_PAYLOAD") == _refusal((status, answer))
    assert "symbols" == answer["error"]["field"]


def test_it_is_rationed_for_each_user(here: Served, ask: Callable[..., Any]) -> None:
    """Calls of sources are everybody's; what was wrong costs nothing."""
    trades(here, "BTC", "61000")
    user = here.create_user()
    tokens = [here.token(user, FRESH) for _ in range(2)]
    for _ in range(8):
        ask(FORCE, tokens[0], "POST", json={"symbols": ["NOPE"]})
    said = [
        ask(FORCE, tokens[number % 2], "POST", json={"symbols": ["BTC"]})[0]
        for number in range(FORCED.limit.amount + 1)
    ]
    other = ask(FORCE, here.token(scopes=FRESH), "POST", json={"symbols": ["BTC"]})

    assert [200] * FORCED.limit.amount + [429] == said
    assert 200 == other[0]
    assert (429, "TOO_MANY_REQUESTS") == _refusal(
        ask(FORCE, tokens[0], "POST", json={"symbols": ["BTC"]})
    )


def test_who_may_not(here: Served, ask: Callable[..., Any]) -> None:
    """A token for something else, and a page of another site with the user's cookie."""
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


def test_a_page_of_ours_may(here: Served) -> None:
    """With the session and the page's token."""
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
