from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from requests.adapters import HTTPAdapter
from sqlalchemy import event, text
from werkzeug.middleware.proxy_fix import ProxyFix

from omcrm.auth.device import cookie_name
from omcrm.auth.login_throttle import claim_attempt
from omcrm.auth.routes import caller_network
from omcrm.auth.service import WRONG
from omcrm.extensions import db, limiter
from tests.processes import App, Browser

EMAIL = "trader@example.com"
PASSWORD = "correct horse"


def test_login_leads_to_the_start_page(client: FlaskClient, log_in: Callable) -> None:
    """After the login comes the start page."""
    answer = log_in(client)

    assert (302, "/") == (answer.status_code, answer.location)


def test_a_login_is_two_transactions(app: Flask, client: FlaskClient, log_in: Callable) -> None:
    """The attempt, which must count before the password is checked, and the whole login."""
    commits: list[object] = []
    with app.app_context():
        event.listen(db.engine, "commit", commits.append)
    log_in(client)

    assert 2 == len(commits)
    with app.app_context():
        tables = ("login_sessions", "user_events", "audit_entries")
        rows = [db.session.scalar(text(f"select count(*) from {table}")) for table in tables]
        assert [1, 1, 1] == rows


@pytest.mark.parametrize(
    ("query", "destination"),
    [
        ("?next=/admin/feeds", "/admin/feeds"),
        ("?next=/webtrader/dashboard%3Fsymbol%3DBTC", "/webtrader/dashboard?symbol=BTC"),
        ("?next=https://evil.example", "/"),
        ("?next=//evil.example", "/"),
        ("?next=/%5Cevil.example", "/"),
        ("?next=/%09/evil.example", "/"),
        ("?next=", "/"),
    ],
)
def test_next_stays_on_this_site(
    client: FlaskClient, log_in: Callable, query: str, destination: str
) -> None:
    """The login redirects to the requested page, but to no other site."""
    assert destination == log_in(client, query=query).location
    assert destination == client.get(f"/auth/login{query}").location


def test_wrong_password_shows_the_form_again(client: FlaskClient, log_in: Callable) -> None:
    """The page shows that one of the two was wrong, not which."""
    answer = log_in(client, password="wrong password")

    assert 401 == answer.status_code
    assert WRONG in answer.text
    assert "no-store" == answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "fields", [{}, {"email": EMAIL}, {"email": "a" * 255, "password": "x"}, {"password": "x"}]
)
def test_an_incomplete_form_is_refused(
    client: FlaskClient, csrf_token: Callable, fields: dict[str, str]
) -> None:
    """Fields that cannot be an e-mail and a password are not looked up."""
    answer = client.post("/auth/login", data={**fields, "csrf_token": csrf_token(client)})

    assert 400 == answer.status_code
    assert "Enter your e-mail and your password." in answer.text


@pytest.mark.parametrize("path", ["/auth/login", "/auth/logout"])
def test_missing_csrf_token_is_refused(client: FlaskClient, path: str) -> None:
    """A form of another site cannot log anybody in or out."""
    client.get("/auth/login")
    answer = client.post(path, data={"email": EMAIL, "password": PASSWORD})

    assert 400 == answer.status_code


def test_logout_is_no_link(client: FlaskClient) -> None:
    """A picture's address cannot log anybody out."""
    assert 405 == client.get("/auth/logout").status_code


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_the_wait_is_in_the_text_and_in_the_header(
    app: Flask, client: FlaskClient, log_in: Callable, email: str
) -> None:
    """During the wait of an account the answer is 429 with the seconds, also without an account."""
    with app.app_context():
        for _ in range(3):
            claim_attempt(email, "127.0.0.1", None, datetime.now(UTC))

    answer = log_in(client, email=email)

    assert (429, "1") == (answer.status_code, answer.headers["Retry-After"])
    assert "Too many failed attempts for this e-mail. Try again in 1 second." in answer.text


def test_too_many_failures_from_one_address(
    client: FlaskClient, app: Flask, log_in: Callable
) -> None:
    """After the set number of failures in a minute, no account lets this address try more."""
    refusals = [log_in(client, "wrong password", f"{n}@example.com") for n in range(5)]
    answer = log_in(client)

    assert [401] * 5 == [refusal.status_code for refusal in refusals]
    assert 429 == answer.status_code
    assert "from your network address" in answer.text
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert 200 == client.get("/auth/login").status_code


def test_addresses_of_one_ipv6_network_are_one(app: Flask, log_in: Callable) -> None:
    """The addresses of one IPv6 network are counted together."""
    statuses = []
    for n in range(6):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"2001:db8::{n + 1}"
        statuses.append(log_in(client, "wrong password", f"{n}@example.com").status_code)

    assert [401] * 5 + [429] == statuses


def test_a_login_makes_the_browser_known(client: FlaskClient, log_in: Callable) -> None:
    """Only a successful login sets the cookie, and only the login page receives it."""
    refused, answer = log_in(client, "wrong password"), log_in(client)

    assert not client.get_cookie(cookie_name(EMAIL))
    assert cookie_name(EMAIL) not in str(refused.headers)
    assert client.get_cookie(cookie_name(EMAIL), path="/auth/login")
    assert 302 == answer.status_code


def test_known_browser_is_let_in_while_all_networks_guess(
    app: Flask, client: FlaskClient, log_in: Callable
) -> None:
    """The owner's browser is let in, a new browser of the owner has to wait."""
    log_in(client)
    client.delete_cookie("omcrm_session")
    with app.app_context():
        for n in range(40):
            claim_attempt(EMAIL, f"203.0.113.{n}", None, datetime.now(UTC))

    assert 429 == log_in(app.test_client()).status_code
    assert 302 == log_in(client).status_code


def test_other_addresses_are_not_refused(client: FlaskClient, app: Flask, log_in: Callable) -> None:
    """The failures of one address do not count for another."""
    for n in range(6):
        log_in(client, "wrong password", f"{n}@example.com")
    other = app.test_client()
    other.environ_base["REMOTE_ADDR"] = "192.0.2.8"

    assert 302 == log_in(other).status_code


def test_successes_do_not_count(app: Flask, log_in: Callable) -> None:
    """Any number of successful logins from one address is allowed."""
    assert [302] * 8 == [log_in(app.test_client()).status_code for _ in range(8)]


def test_showing_the_form_does_not_count(client: FlaskClient, log_in: Callable) -> None:
    """Only attempts are counted, not pages shown."""
    limiter.reset()
    for _ in range(10):
        client.get("/auth/login")

    assert 302 == log_in(client).status_code


class FromAddress(HTTPAdapter):
    """Connects from one address of the loopback."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **options)


def browser_at(app: App, address: str) -> Browser:
    browser = Browser(app.base)
    browser.http.mount("http://", FromAddress(address))
    return browser


def test_a_stranger_does_not_lock_out_the_owner(tmp_path: Path) -> None:
    """On a running server: the owner, elsewhere, logs in at once, and sees the failed attempts."""
    with App(tmp_path, {"LOGIN_FAILURES_PER_MINUTE": "1000"}) as app:
        app.create_user(EMAIL)
        owner, stranger = browser_at(app, "127.0.0.2"), browser_at(app, "127.0.0.3")
        guess = {"email": EMAIL, "password": "wrong password", "csrf_token": stranger.csrf()}
        tried = [stranger.post("/auth/login", data=guess).status_code for _ in range(16)]
        owner.log_in(EMAIL)
        page = owner.get("/webtrader/dashboard").text

    assert [401] * 3 == tried[:3]
    assert 429 in tried
    assert f"{tried.count(401)} failed attempts to log in to your account" in page
    assert "from 127.0.0.3." in page


@pytest.mark.parametrize(
    ("proxies", "network"), [(0, "127.0.0.1"), (1, "198.51.100.2"), (2, "198.51.100.1")]
)
def test_trusted_proxies_name_the_client(proxies: int, network: str) -> None:
    """As many addresses of the header count as there are proxies; those before them do not."""
    app = Flask("network-test")
    app.add_url_rule("/network", view_func=caller_network)
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies)
    forwarded = {"X-Forwarded-For": "203.0.113.9, 198.51.100.1, 198.51.100.2"}
    answer = app.test_client().get("/network", headers=forwarded)

    assert network == answer.text
