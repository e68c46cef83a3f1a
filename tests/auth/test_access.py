from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from omcrm.extensions import csrf, db
from omcrm.storage.audit import AuditEntry

ADMIN_EMAIL = "boss@example.com"
ADMIN_ANSWER = "/webtrader/guarded_admin"


@pytest.fixture(autouse=True)
def without_csrf(app: Flask) -> None:
    """The guards are looked at by themselves here."""
    for name in ("admin_answer", "admin_page"):
        csrf.exempt(app.view_functions[name])


def test_stranger_is_sent_to_the_login_and_back(client: FlaskClient) -> None:
    """A page leads to the login, which knows where to return to."""
    answer = client.get("/guarded/page?symbol=BTC")

    assert 302 == answer.status_code
    assert "/auth/login?next=/guarded/page?symbol%3DBTC" == answer.location


def test_the_desk_is_a_page(client: FlaskClient) -> None:
    """The desk lies among its programs' routes, but is for people."""
    for path in ("/webtrader/dashboard", "/webtrader/"):
        assert f"/auth/login?next={path}" == client.get(path).location


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/webtrader/guarded", {}),
        ("/webtrader/dashboard", {"Accept": "application/json"}),
        ("/guarded/admin", {"Accept": "application/json"}),
    ],
)
def test_program_is_told_to_log_in(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    """The desk's routes, and whoever asks for JSON, get 401 with the code."""
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
    """Who takes anything gets the page."""
    answer = client.get("/guarded/admin", headers={"Accept": accept})

    assert "/auth/login?next=/guarded/admin" == answer.location


def test_stranger_cannot_post(client: FlaskClient) -> None:
    """An admin's route asks for a login before anything else."""
    assert 401 == client.post(ADMIN_ANSWER).status_code


def test_a_posted_form_is_not_come_back_to(client: FlaskClient) -> None:
    """What was posted is lost, so the login does not promise to go on with it."""
    assert "/auth/login" == client.post("/guarded/admin").location


def test_client_is_refused_and_it_is_on_record(
    app: Flask, client: FlaskClient, log_in: Callable
) -> None:
    """A client on an admin's route gets 403, and the audit log says who tried what."""
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
    """On a page the refusal is a page."""
    log_in(client)
    answer = client.get("/guarded/admin")

    assert 403 == answer.status_code
    assert "text/html" == answer.mimetype


def test_admin_comes_in(client: FlaskClient, log_in: Callable) -> None:
    """An admin may."""
    log_in(client, email=ADMIN_EMAIL)

    assert {"success": True} == client.post(ADMIN_ANSWER).json
    assert "for admins" == client.get("/guarded/admin").text
