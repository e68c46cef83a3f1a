"""The JSON API of portfolios: rights, answers and refusals."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from omcrm.auth import api_token
from omcrm.auth.credential import session_caller
from omcrm.auth.permission import Permission
from omcrm.portfolio import service
from omcrm.portfolio.api import CHANGES, READS
from omcrm.storage.user import Role

ALL = "/api/v1/portfolios"
BTC = {"symbol": "BTC", "quantity": 0.25, "average_cost": "50000.10"}

Send = Callable[..., TestResponse]


@pytest.fixture
def send(app: Flask, browser: Callable, csrf: Callable) -> Send:
    """Sends requests as a logged-in client, with the CSRF token."""
    client = browser(Role.CLIENT)
    headers = {"X-CSRFToken": csrf(client, "/portfolio/")}

    def ask(method: str, path: str, body: object = None, **options: object) -> TestResponse:
        return client.open(path, method=method, json=body, headers=headers, **options)

    return ask


@pytest.fixture
def own(send: Send) -> str:
    """The path of a portfolio."""
    return send("POST", ALL, {"name": "Growth"}).location


def refusal(answer: TestResponse) -> tuple[int, str, str | None]:
    assert answer.json["success"] is False
    return answer.status_code, answer.json["error"]["code"], answer.json["error"].get("field")


def test_the_story_of_a_portfolio(send: Send) -> None:
    """Created, changed, read, renamed, emptied and deleted."""
    made = send("POST", ALL, {"name": "Growth"})
    own = made.location
    added = send("POST", f"{own}/holdings", BTC)
    put = send("PUT", f"{own}/holdings/AAPL", {"quantity": "3.5", "average_cost": 0})
    again = send("PUT", f"{own}/holdings/aapl", {"quantity": 4, "average_cost": 1})
    renamed = send("PATCH", own, {"name": "Pension"})
    read = send("GET", own).json["portfolio"]

    assert [201, 201, 200, 200, 200] == [
        response.status_code for response in (made, added, put, again, renamed)
    ]
    assert {"symbol": "BTC", "quantity": 0.25, "average_cost": 50000.1} == added.json["holding"]
    assert (5, "Pension", 2) == (read["version"], read["name"], len(read["holdings"]))
    assert [("BTC", 0.25), ("AAPL", 4)] == [
        (holding["symbol"], holding["quantity"]) for holding in read["holdings"]
    ]
    assert 6 == send("DELETE", f"{own}/holdings/BTC").json["version"]
    (listed,) = send("GET", ALL).json["portfolios"]
    assert ("Pension", 1, 6) == (listed["name"], listed["holdings"], listed["version"])
    assert {"success": True} == send("DELETE", own).json
    assert [] == send("GET", ALL).json["portfolios"]


def test_numbers_are_exact(send: Send, own: str) -> None:
    """No binary float is between the body, the database and the answer."""
    quantity = "123456789.123456789012345678"
    body = {"symbol": "BTC", "quantity": quantity, "average_cost": "0.1"}
    answer = send("POST", f"{own}/holdings", body)

    assert f'"quantity":{quantity},"average_cost":0.1' in answer.text
    assert f'"quantity":{quantity},"average_cost":0.1' in send("GET", own).text


def test_another_users_portfolio_is_like_a_missing_one(
    own: str, browser: Callable, csrf: Callable
) -> None:
    """The answer to each request is the same byte for byte, for administrators too."""
    for role in Role:
        other = browser(role)
        headers = {"X-CSRFToken": csrf(other, "/portfolio/")}

        def tried(path: str, other: FlaskClient = other, headers: dict = headers) -> list[tuple]:
            figures = {"quantity": 1, "average_cost": 1}
            requests = [
                ("GET", path, None),
                ("PATCH", path, {"name": "Mine"}),
                ("DELETE", path, None),
                ("POST", f"{path}/holdings", BTC),
                ("PUT", f"{path}/holdings/BTC", figures),
                ("DELETE", f"{path}/holdings/BTC", None),
            ]
            answers = [
                other.open(where, method=method, json=body, headers=headers)
                for method, where, body in requests
            ]
            return [(answer.status_code, answer.data) for answer in answers]

        assert {404} == {status for status, _ in tried(own)}
        assert tried(own) == tried(f"{ALL}/999") == tried(f"{ALL}/{2**70}")


def test_errors_name_the_field(send: Send, own: str) -> None:
    """Each has a code, and the field where there is one."""
    send("POST", f"{own}/holdings", BTC)
    holdings = f"{own}/holdings"

    assert (400, "INVALID_PAYLOAD", "name") == refusal(send("POST", ALL, {"name": ""}))
    assert (400, "INVALID_PAYLOAD", "name") == refusal(send("POST", ALL, {}))
    assert (409, "NAME_TAKEN", "name") == refusal(send("POST", ALL, {"name": "Growth"}))
    assert (409, "ALREADY_HELD", "symbol") == refusal(send("POST", holdings, BTC))
    assert (400, "UNKNOWN_SYMBOL", "symbol") == refusal(
        send("POST", holdings, {**BTC, "symbol": "DOGE"})
    )
    assert (400, "INVALID_PAYLOAD", "quantity") == refusal(
        send("PUT", f"{holdings}/BTC", {"quantity": 0, "average_cost": 1})
    )
    assert (400, "INVALID_PAYLOAD", None) == refusal(
        send("PUT", f"{holdings}/BTC", {"quantity": 1, "average_cost": 1, "note": ""})
    )
    assert (404, "NOT_HELD", "symbol") == refusal(send("DELETE", f"{holdings}/ETH"))
    assert 0.25 == send("GET", own).json["portfolio"]["holdings"][0]["quantity"]


def test_an_anonymous_request_is_401(client: FlaskClient, own: str) -> None:
    """Whether the portfolio exists or not."""
    answers = [client.get(path) for path in (ALL, own, f"{ALL}/999")]

    assert [(401, "AUTHENTICATION_REQUIRED", None)] * 3 == [refusal(answer) for answer in answers]


def test_a_session_needs_the_pages_token(browser: Callable) -> None:
    """A page on another site cannot create a portfolio."""
    client = browser(Role.CLIENT)

    assert (400, "CSRF_FAILED", None) == refusal(client.post(ALL, json={"name": "x"}))
    assert [] == client.get(ALL).json["portfolios"]


def test_a_token_needs_the_scope(app: Flask, client: FlaskClient, new_user: Callable) -> None:
    """Reading and writing are two scopes, and an API token needs no CSRF token."""

    def bearer(*scopes: str) -> dict[str, str]:
        now = datetime.now(UTC)
        caller = session_caller(user, Role.CLIENT, "none")
        given = [Permission(scope) for scope in scopes]
        made = api_token.create(caller, scopes[0], given, now + timedelta(days=1), now, None)
        return {"Authorization": f"Bearer {made.secret}"}

    user = new_user()
    service.create(user, "Growth")
    reader, writer = bearer("portfolio:read"), bearer("portfolio:write")
    stranger = bearer("market:read")

    assert ["Growth"] == [
        portfolio["name"] for portfolio in client.get(ALL, headers=reader).json["portfolios"]
    ]
    assert 201 == client.post(ALL, json={"name": "x"}, headers=writer).status_code
    denied = (403, "INSUFFICIENT_SCOPE", None)
    assert denied == refusal(client.post(ALL, json={"name": "y"}, headers=reader))
    assert denied == refusal(client.get(ALL, headers=writer))
    assert denied == refusal(client.get(ALL, headers=stranger))


def test_requests_are_limited_for_each_user(send: Send, own: str) -> None:
    """Reads have a limit of their own, higher than that of changes."""
    most = CHANGES.limit.amount
    answers = [send("PATCH", own, {"name": "x"}) for _ in range(most)]
    last = answers[-1]

    assert (429, "TOO_MANY_REQUESTS", None) == refusal(last)
    assert 0 < int(last.headers["Retry-After"]) <= 60
    assert 200 == send("GET", own).status_code
    assert READS.limit.amount > most
