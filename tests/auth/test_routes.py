from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from omcrm.auth.delay import claim_attempt
from omcrm.auth.service import WRONG
from omcrm.extensions import limiter

EMAIL = "trader@example.com"
PASSWORD = "correct horse"


def test_login_leads_to_the_start_page(client: FlaskClient, log_in: Callable) -> None:
    """After the login comes the start page."""
    answer = log_in(client)

    assert (302, "/") == (answer.status_code, answer.location)


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
    """The login goes on to the page that was asked for, but to no other site."""
    assert destination == log_in(client, query=query).location
    assert destination == client.get(f"/auth/login{query}").location


def test_wrong_password_shows_the_form_again(client: FlaskClient, log_in: Callable) -> None:
    """The page says that it was wrong, not which of the two."""
    answer = log_in(client, password="wrong password")

    assert 401 == answer.status_code
    assert WRONG in answer.text
    assert "no-store" == answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "fields", [{}, {"email": EMAIL}, {"email": "a" * 255, "password": "x"}, {"password": "x"}]
)
def test_incomplete_form_is_said_to_be(
    client: FlaskClient, csrf_token: Callable, fields: dict[str, str]
) -> None:
    """What cannot be an account and its password is not looked up."""
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
def test_wait_is_said_in_words_and_in_the_header(
    app: Flask, client: FlaskClient, log_in: Callable, email: str
) -> None:
    """During the wait of an account the answer is 429 with the seconds, known account or not."""
    with app.app_context():
        for _ in range(3):
            claim_attempt(email, datetime.now(UTC))

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


def test_other_addresses_are_not_refused(client: FlaskClient, app: Flask, log_in: Callable) -> None:
    """The failures of one address cost no other."""
    for n in range(6):
        log_in(client, "wrong password", f"{n}@example.com")
    other = app.test_client()
    other.environ_base["REMOTE_ADDR"] = "192.0.2.8"

    assert 302 == log_in(other).status_code


def test_successes_do_not_count(app: Flask, log_in: Callable) -> None:
    """An office behind one address can log in as often as it likes."""
    assert [302] * 8 == [log_in(app.test_client()).status_code for _ in range(8)]


def test_looking_at_the_form_does_not_count(client: FlaskClient, log_in: Callable) -> None:
    """Only attempts are counted, not pages shown."""
    limiter.reset()
    for _ in range(10):
        client.get("/auth/login")

    assert 302 == log_in(client).status_code
