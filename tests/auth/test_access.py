from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from omcrm.extensions import csrf, db
from omcrm.storage.audit import AuditEntry

ADMIN_EMAIL = "boss@example.com"
ADMIN_ANSWER = "/webtrader/protected_admin"


@pytest.fixture(autouse=True)
def without_csrf(app: Flask) -> None:
    """Only the check of the login is tested here."""
    for name in ("admin_answer", "admin_page"):
        csrf.exempt(app.view_functions[name])


def test_stranger_is_sent_to_the_login_and_back(client: FlaskClient) -> None:
    """A page redirects to the login, with the address to return to."""
    answer = client.get("/protected/page?symbol=BTC")

    assert 302 == answer.status_code
    assert "/auth/login?next=/protected/page?symbol%3DBTC" == answer.location


def test_the_desk_is_a_page(client: FlaskClient) -> None:
    """The desk is among its JSON routes, but is a page."""
    for path in ("/webtrader/dashboard", "/webtrader/"):
        assert f"/auth/login?next={path}" == client.get(path).location


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/webtrader/protected", {}),
        ("/webtrader/dashboard", {"Accept": "application/json"}),
        ("/protected/admin", {"Accept": "application/json"}),
    ],
)
def test_a_program_gets_401(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    """JSON routes, and requests that accept JSON, get 401 with the code."""
    answer = client.get(path, headers=headers)

    assert 401 == answer.status_code
    assert {
        "success": False,
        "error": {"code": "AUTHENTICATION_REQUIRED", "message": "You must log in first."},
    } == answer.json


@pytest.mark.parametrize(
    "accept", ["*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"]
)
def test_browser_is_no_program(client: FlaskClient, accept: str) -> None:
    """A request that accepts anything gets the page."""
    answer = client.get("/protected/admin", headers={"Accept": accept})

    assert "/auth/login?next=/protected/admin" == answer.location


def test_stranger_cannot_post(client: FlaskClient) -> None:
    """An admin's route asks for a login before anything else."""
    assert 401 == client.post(ADMIN_ANSWER).status_code


def test_the_login_does_not_return_to_a_posted_form(client: FlaskClient) -> None:
    """The posted fields are lost, so the login has no address to return to."""
    assert "/auth/login" == client.post("/protected/admin").location


def test_a_client_is_refused_and_it_is_in_the_audit_log(
    app: Flask, client: FlaskClient, log_in: Callable
) -> None:
    """A client on an admin's route gets 403, and the audit log has the user and the route."""
    log_in(client)
    answer = client.post(ADMIN_ANSWER)

    assert 403 == answer.status_code
    assert {
        "success": False,
        "error": {"code": "ADMIN_REQUIRED", "message": "Only an admin may do this."},
    } == answer.json
    with app.app_context():
        entry = db.session.query(AuditEntry).filter_by(action="refused_admin_access").one()
        assert (1, f"POST {ADMIN_ANSWER}", "127.0.0.1") == (
            entry.user_id,
            entry.detail,
            entry.remote_addr,
        )


def test_client_gets_a_page_of_refusal(client: FlaskClient, log_in: Callable) -> None:
    """The refusal of a page is a page."""
    log_in(client)
    answer = client.get("/protected/admin")

    assert 403 == answer.status_code
    assert "text/html" == answer.mimetype


def test_an_admin_may_use_it(client: FlaskClient, log_in: Callable) -> None:
    """Both routes answer an admin."""
    log_in(client, email=ADMIN_EMAIL)

    assert {"success": True} == client.post(ADMIN_ANSWER).json
    assert "for admins" == client.get("/protected/admin").text
