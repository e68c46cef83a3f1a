from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import select

from omcrm.extensions import db
from omcrm.storage.audit import AuditEntry
from omcrm.storage.user import Role
from tests.gateways.conftest import FEED
from tests.gateways.here import Served
from tests.processes import PATIENCE

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(here: Served) -> Ask:
    """Sends a request with a token."""

    def ask(method: str, path: str, token: str = "", **options: Any) -> tuple[int, Any]:
        headers = {"x-api-key": token} if token else {}
        answer = requests.request(
            method, f"{here.base}/api/v1/market{path}", headers=headers, timeout=PATIENCE, **options
        )
        return answer.status_code, answer.json()

    return ask


def test_a_quote(here: Served, ask: Ask) -> None:
    """The same as on the WebSocket, in any spelling of the symbol."""
    status, body = ask("GET", "/quote/btc", here.token())
    with here.connect(FEED) as peer:
        peer.send({"action": "subscribe", "symbols": ["BTC"]})
        quote = peer.receive_until("quote")

    assert (200, {"success": True, **quote}) == (status, body)


def test_a_quote_that_does_not_exist(here: Served, ask: Ask) -> None:
    """An unknown symbol is 404, a symbol without a price 503."""
    token = here.token()
    here.market.cache._quotes.pop("BTC")

    assert (404, "UNKNOWN_SYMBOL") == _refusal(ask("GET", "/quote/NOPE", token))
    assert (503, "NO_PRICE") == _refusal(ask("GET", "/quote/BTC", token))


def test_several_quotes(here: Served, ask: Ask) -> None:
    """Each quote once; symbols without a quote are named."""
    here.market.cache._quotes.pop("ETH")
    given = {"symbols": ["btc", "AAPL", "BTC", "ETH", "NOPE"]}
    status, body = ask("POST", "/quotes", here.token(), json=given)

    assert 200 == status
    assert ["BTC", "AAPL"] == [quote["symbol"] for quote in body["quotes"]]
    assert (["ETH"], ["NOPE"]) == (body["without_price"], body["unknown_symbols"])


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "truncated"),
        (b'{"symbols"}', "malformed"),
        (b"[]", "object"),
        (b"{}", "symbols"),
        (b'{"symbols":[]}', "$.symbols"),
        (b'{"symbols":[1]}', "$.symbols[0]"),
        (b'{"symbols":' + str(["X"] * 51).replace("'", '"').encode() + b"}", "$.symbols"),
        (b'{"more":' + b"[" * 100_000, "recursion"),
    ],
)
def test_an_invalid_request(here: Served, ask: Ask, body: bytes, named: str) -> None:
    """The refusal names the field; at most fifty symbols are allowed."""
    status, answer = ask("POST", "/quotes", here.token(), data=body)

    assert (400, "INVALID_PAYLOAD") == (status, answer["error"]["code"])
    assert named in answer["error"]["message"]


def test_the_status(here: Served, ask: Ask) -> None:
    """The state of the feeds and the counts of clients."""
    status, body = ask("GET", "/streaming/status", here.token())

    assert 200 == status
    assert (True, False, 0) == tuple(
        body[name] for name in ("active", "stopped_by_admin", "client_connections")
    )
    assert body["connections"].keys() == body["message_counts"].keys() == {"binance"}
    assert not any(body["connections"].values())


def test_the_status_hides_the_symbols_of_others(here: Served, ask: Ask) -> None:
    """A user sees the symbols of their own clients, an administrator those of all."""
    one, other, admin = here.create_user(), here.create_user(), here.create_user(Role.ADMIN)
    with here.connect(FEED, here.token(one)) as first, here.connect(FEED, here.token(other)) as two:
        first.ask({"action": "subscribe", "symbols": ["BTC", "ETH"]})
        two.ask({"action": "subscribe", "symbols": ["BTC"]})
        statuses = {
            user: ask("GET", "/streaming/status", here.token(user))[1]
            for user in (one, other, admin)
        }

    assert {2} == {status["client_connections"] for status in statuses.values()}
    assert {"BTC": 1, "ETH": 1} == statuses[one]["client_subscription_counts"]
    assert {"BTC": 1} == statuses[other]["client_subscription_counts"]
    assert {"BTC": 2, "ETH": 1} == statuses[admin]["client_subscription_counts"]


def test_starting_and_stopping(here: Served, ask: Ask) -> None:
    """Only an administrator may; both are idempotent and are in the audit log."""
    admin = here.create_user(Role.ADMIN)
    token = here.token(admin, scopes=("feeds:control", "market:read"))
    answers = [
        ask("POST", f"/streaming/{what}", token)[1]["status"]
        for what in ("start", "stop", "stop", "start")
    ]

    assert ["already_running", "stopped", "already_stopped", "started"] == answers
    assert _acts(here, admin) == ["start_feeds", "stop_feeds", "stop_feeds", "start_feeds"]


def test_clients_do_not_start_stopped_feeds(here: Served, ask: Ask) -> None:
    """Neither a subscription nor a request for a quote starts them."""
    admin = here.token(here.create_user(Role.ADMIN), scopes=("feeds:control",))
    ask("POST", "/streaming/stop", admin)
    with here.connect(FEED) as peer:
        peer.ask({"action": "subscribe", "symbols": ["BTC"]})
    ask("GET", "/quote/BTC", here.token())

    body = ask("GET", "/streaming/status", here.token())[1]
    assert (False, True) == (body["active"], body["stopped_by_admin"])


def test_missing_rights(here: Served, ask: Ask) -> None:
    """No credential, a token without the scope, and one whose user is no administrator."""
    client = here.create_user()
    weak, vain = here.token(client), here.token(client, scopes=("feeds:control",))
    old = here.token(client, lifetime=timedelta(seconds=-1))
    elsewhere = here.token(client, scopes=("portfolio:read",))

    for what in ("start", "stop"):
        assert 401 == ask("POST", f"/streaming/{what}")[0]
        assert 403 == ask("POST", f"/streaming/{what}", weak)[0]
        assert 403 == ask("POST", f"/streaming/{what}", vain)[0]
    assert here.manager.running
    for method, path in (("GET", "/quote/BTC"), ("POST", "/quotes"), ("GET", "/streaming/status")):
        assert [401, 401, 403] == [
            ask(method, path, token, json={})[0] for token in ("", old, elsewhere)
        ]


def test_a_session_needs_the_pages_token(here: Served) -> None:
    """A form on another site must not stop the feeds."""
    cookie = here.session(here.create_user(Role.ADMIN)).removeprefix("Cookie: ")
    answer = requests.post(
        f"{here.base}/api/v1/market/streaming/stop", headers={"Cookie": cookie}, timeout=PATIENCE
    )

    assert (400, "CSRF_FAILED") == _refusal((answer.status_code, answer.json()))
    assert here.manager.running


def test_a_refused_administrators_request_is_in_the_audit_log(here: Served) -> None:
    """As at the routes of the web trader."""
    user = here.create_user()
    with requests.Session() as pages:
        session = here.session(user).partition("=")[2]
        pages.cookies.set("omcrm_session", session, domain="127.0.0.1")
        page = pages.get(f"{here.base}/webtrader/dashboard", timeout=PATIENCE).text
        token = page.split('name="csrf-token" content="')[1].split('"')[0]
        stop = f"{here.base}/api/v1/market/streaming/stop"
        answer = pages.post(stop, headers={"X-CSRFToken": token}, timeout=PATIENCE)

    assert 403 == answer.status_code, answer.text
    assert ["refused_admin_access"] == _acts(here, user)


def _acts(here: Served, user_id: int) -> list[str]:
    with here.app.app_context():
        entries = select(AuditEntry.action).where(AuditEntry.user_id == user_id)
        return list(db.session.scalars(entries.order_by(AuditEntry.id)))


def _refusal(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["error"]["code"]


def test_why_a_price_is_what_it_is(here: Served, ask: Ask) -> None:
    """Fixed prices are shown where no source has one; an unknown symbol is refused."""
    status, body = ask("GET", "/why/btc", here.token())
    states = {state["source"]: state["verdict"] for state in body["sources"]}

    assert (200, "BTC", "last_resort", None) == (
        status,
        body["symbol"],
        body["price_class"],
        body["rule"],
    )
    assert ("no_price", "active") == (states["binance"], states["last_resort"])
    assert [("last_resort", "last_resort")] == [
        (item["source"], item["price_class"]) for item in body["history"]
    ]
    assert 404 == ask("GET", "/why/nope", here.token())[0]
    assert 401 == ask("GET", "/why/btc")[0]
