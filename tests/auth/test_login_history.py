import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from omcrm.auth.routes import failed_notice
from omcrm.extensions import db, limiter
from omcrm.storage.audit import record
from omcrm.storage.user import find_user

EMAIL, OTHER = "trader@example.com", "boss@example.com"
PAGE = "/account/logins"


def note(action: str, now: datetime, address: str | None, email: str = EMAIL) -> None:
    record(action, now, user_id=find_user(email).id, remote_addr=address)
    db.session.commit()


def rows(page: str) -> list[tuple[str, str]]:
    """The action and the address of each row of the table."""
    return re.findall(r'<tr data-action="(\w+)">.*?data-label="From">([^<]*)<', page, re.DOTALL)


@pytest.mark.parametrize(
    ("failed", "address", "sentence"),
    [
        (0, "192.0.2.7", None),
        (
            1,
            "192.0.2.7",
            "1 failed attempt{} last at 2026-03-04 12:01 UTC from 192.0.2.7.",
        ),
        (
            3,
            None,
            "3 failed attempts{} last at 2026-03-04 12:03 UTC.",
        ),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_notice_counts_since_the_last_login(
    app: Flask, now: datetime, failed: int, address: str | None, sentence: str | None, before: bool
) -> None:
    """It has the number of failures of this account, and the time and address of the latest."""
    with app.app_context():
        if before:
            note("failed_login", now, "198.51.100.1")
            note("login", now, "192.0.2.1")
        note("failed_login", now, "198.51.100.2", OTHER)
        for minute in range(1, failed + 1):
            note("failed_login", now + timedelta(minutes=minute), address)
        note("login", now + timedelta(hours=1), "192.0.2.1")

        middle = " to log in to your account since your last login,"
        expected = None if sentence is None else sentence.format(middle)
        assert expected == failed_notice(find_user(EMAIL).id)


def test_next_page_shows_the_notice_once(app: Flask, client: FlaskClient, log_in: Callable) -> None:
    """The first page after a login shows the failures; the second one does not."""
    log_in(client)
    stranger = app.test_client()
    for _ in range(2):
        log_in(stranger, password="wrong password")
    client.delete_cookie("omcrm_session")
    log_in(client)
    first, second = client.get("/account/tokens").text, client.get("/account/tokens").text

    assert "2 failed attempts to log in to your account" in first
    assert f'href="{PAGE}"' in second
    assert "failed attempt" not in second


def test_list_shows_the_own_logins(client: FlaskClient, app: Flask, log_in: Callable) -> None:
    """It shows the logins and failures of this account only, newest first."""
    log_in(app.test_client(), email=OTHER)
    log_in(app.test_client(), "wrong password", OTHER)
    log_in(app.test_client(), "wrong password")
    limiter.reset()
    log_in(client)

    expected = [("login", "127.0.0.1"), ("failed_login", "127.0.0.1")]
    assert expected == rows(client.get(PAGE).text)


def test_failures_do_not_push_out_logins(
    client: FlaskClient, app: Flask, log_in: Callable, now: datetime
) -> None:
    """With any number of failures the latest logins stay in the list, which stays short."""
    log_in(client)
    with app.app_context():
        for second in range(120):
            note("failed_login", now + timedelta(seconds=second), "198.51.100.1")
    shown = rows(client.get(PAGE).text)

    assert [("failed_login", "198.51.100.1")] * 50 + [("login", "127.0.0.1")] == shown


def test_text_from_strangers_is_escaped(
    client: FlaskClient, app: Flask, log_in: Callable, now: datetime
) -> None:
    """A proxy's header may have any text: it is shown as text."""
    hostile = "<script>alert(1)</script>\x00"
    log_in(client)
    with app.app_context():
        note("failed_login", now, hostile)
        note("login", now, hostile)
        notice = failed_notice(find_user(EMAIL).id)
    with client.session_transaction() as session:
        session["failed_logins"] = notice
    page = client.get(PAGE).text

    assert "<script>alert" not in page
    assert 3 == page.count("&lt;script&gt;alert(1)")


def test_needs_a_login(client: FlaskClient) -> None:
    """Strangers are sent to the login page."""
    assert "/auth/login" in client.get(PAGE).location
