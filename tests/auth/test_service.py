from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask, Response
from sqlalchemy import event

from omcrm.auth import passwords
from omcrm.auth.device import cookie_name, remember_device
from omcrm.auth.login_throttle import ATTEMPT_BURST, claim_attempt
from omcrm.auth.service import (
    WRONG,
    LoginRefused,
    attempt_login,
    change_password,
    create_user,
    set_active,
)
from omcrm.errors import AccessRefused
from omcrm.extensions import db
from omcrm.storage.audit import AuditEntry
from omcrm.storage.login_failure import Failures, failures_of
from omcrm.storage.login_session import find_valid, open_session
from omcrm.storage.user import Role, User, find_user

EMAIL = "trader@example.com"
PASSWORD = "correct horse"
HERE = "network 192.0.2.7"


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    """Inside the app."""
    with app.app_context():
        yield


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every checked password, with the hash it is checked against."""
    calls = []
    verify = passwords.verify_password

    def remember(password: str, password_hash: str) -> bool:
        calls.append((password, password_hash))
        return verify(password, password_hash)

    monkeypatch.setattr(passwords, "verify_password", remember)
    return calls


def attempt(
    now: datetime,
    password: str = PASSWORD,
    email: str = EMAIL,
    address: str = "192.0.2.7",
    cookies: Mapping[str, str] | None = None,
) -> User | LoginRefused:
    """An attempt from one address."""
    return attempt_login(email, password, address, now, cookies or {})


def audited() -> list[tuple[str, int | None, str]]:
    """The entries of the audit log."""
    return [(e.action, e.user_id, e.detail) for e in db.session.query(AuditEntry)]


def open_and_find(user: User, now: datetime) -> None:
    """Open a session of the account, and check that it is valid."""
    hour = timedelta(hours=1)
    open_session("token", user.id, now, hour, user_agent=None, remote_addr=None)
    db.session.commit()
    assert user is find_valid("token", now)


def test_right_password(now: datetime) -> None:
    """The e-mail, in any case, and the password give the account and an audit entry."""
    user = attempt(now, email=" Trader@Example.COM")

    assert find_user(EMAIL) is user
    assert [("login", user.id, "")] == audited()


def test_a_login_that_cannot_be_stored_is_none(now: datetime) -> None:
    """Nothing of it is in the database, and the attempt counts."""
    with pytest.raises(ZeroDivisionError):
        attempt_login(EMAIL, PASSWORD, "192.0.2.7", now, {}, lambda user: 1 // 0)

    assert ([], 1) == (audited(), failures_of(EMAIL, HERE)[0].count)


def test_wrong_password_and_unknown_account_are_answered_alike(now: datetime) -> None:
    """A refusal does not reveal which of the two was wrong; the audit log does."""
    wrong = attempt(now, password="wrong password")
    unknown = attempt(now, email="nobody@example.com")

    assert LoginRefused(WRONG, 401) == wrong == unknown
    assert [
        ("failed_login", find_user(EMAIL).id, EMAIL),
        ("failed_login", None, "nobody@example.com"),
    ] == audited()


@pytest.mark.parametrize("email", ["nobody@example.com", "no address", "nul\x00@example.com"])
def test_unknown_account_costs_a_hash_too(
    now: datetime, checked: list[tuple[str, str]], email: str
) -> None:
    """Without an account, the password is checked against the dummy hash."""
    assert LoginRefused(WRONG) == attempt(now, email=email)
    assert [(PASSWORD, passwords.DUMMY_HASH)] == checked


def test_disabled_account_is_answered_like_a_wrong_password(
    now: datetime, checked: list[tuple[str, str]]
) -> None:
    """A disabled account cannot log in, and its password is still checked."""
    set_active(find_user(EMAIL), False, now)

    assert LoginRefused(WRONG) == attempt(now)
    assert 1 == len(checked)


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_the_wait_is_the_same_with_and_without_an_account(
    now: datetime, checked: list[tuple[str, str]], email: str
) -> None:
    """After three failures attempts are refused unchecked, right or wrong, until the wait ends."""
    for _ in range(3):
        attempt(now, "wrong password", email)
    checked.clear()

    wait = "Too many failed attempts for this e-mail. Try again in 1 second."
    assert LoginRefused(wait, 429, 1) == attempt(now, PASSWORD, email)
    assert [] == checked

    now += timedelta(seconds=1)
    assert LoginRefused(WRONG) == attempt(now, "wrong password", email)

    wait = "Too many failed attempts for this e-mail. Try again in 2 seconds."
    assert LoginRefused(wait, 429, 2) == attempt(now, PASSWORD, email)


def test_success_resets_the_wait(now: datetime) -> None:
    """A right password deletes the failures."""
    for _ in range(3):
        attempt(now, "wrong password")

    assert find_user(EMAIL) is attempt(now + timedelta(seconds=1))
    assert [Failures()] == failures_of(EMAIL, HERE)


def test_strangers_do_not_delay_the_owner(now: datetime) -> None:
    """Failures from other networks do not delay the owner; they still count after the login."""
    for second in range(125):
        attempt(now + timedelta(seconds=second), "wrong password", address="203.0.113.1")
    later = now + timedelta(seconds=125)

    assert find_user(EMAIL) is attempt(later)
    assert 429 == attempt(later, address="203.0.113.1").status


def test_known_browser_is_let_in_while_all_networks_guess(now: datetime, app: Flask) -> None:
    """The owner's cookie is accepted until the password changes."""
    user = find_user(EMAIL)
    with app.test_request_context():
        answer = Response()
        remember_device(answer, user, now)
    cookies = {cookie_name(EMAIL): answer.headers["Set-Cookie"].partition("=")[2].split(";")[0]}
    for n in range(ATTEMPT_BURST):
        claim_attempt(EMAIL, f"203.0.113.{n}", None, now)

    assert user is attempt(now, cookies=cookies)
    assert LoginRefused(WRONG) == attempt(now, "wrong password", cookies=cookies)
    assert 429 == attempt(now).status

    user.password_hash = "another"
    db.session.commit()
    assert 429 == attempt(now, cookies=cookies).status


@pytest.mark.parametrize("failures", [0, 3])
@pytest.mark.parametrize("cookie", ["", "forged.cookie"])
def test_unknown_account_costs_as_many_queries(now: datetime, failures: int, cookie: str) -> None:
    """The statements are the same with and without an account, in both kinds of refusal."""
    seen: dict[str, list[str]] = {}
    for email in (EMAIL, "nobody@example.com"):
        for _ in range(failures):
            attempt(now, "wrong password", email)
        db.session.remove()
        statements = seen[email] = []
        with statements_into(statements):
            attempt(now, "wrong password", email, cookies={cookie_name(email): cookie})

    assert seen[EMAIL] == seen["nobody@example.com"]
    assert seen[EMAIL]


@contextmanager
def statements_into(statements: list[str]) -> Iterator[None]:
    """Collect the statements that are executed meanwhile."""

    def note(*execution: object) -> None:
        statements.append(str(execution[2]))

    event.listen(db.engine, "before_cursor_execute", note)
    yield
    event.remove(db.engine, "before_cursor_execute", note)


def test_a_busy_server_counts_no_failure(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt whose password was not checked does not count."""

    def full(*_: str) -> bool:
        raise AccessRefused("LOGIN_BUSY", "busy", 503)

    monkeypatch.setattr(passwords, "verify_password", full)

    assert [LoginRefused("busy", 503, 5)] * 5 == [attempt(now) for _ in range(5)]
    assert 0 == failures_of(EMAIL, HERE)[0].count


def test_outdated_hash_is_renewed(now: datetime) -> None:
    """A login stores a hash with the current parameters."""
    weak = PasswordHasher(memory_cost=64, time_cost=1, parallelism=1).hash(PASSWORD)
    find_user(EMAIL).password_hash = weak
    db.session.commit()

    renewed = attempt(now).password_hash
    assert weak != renewed
    assert not passwords.is_outdated(renewed)
    assert find_user(EMAIL) is attempt(now)


def test_password_changed_while_checking(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that was changed during its check is refused."""

    def meanwhile(password: str, password_hash: str) -> bool:
        find_user(EMAIL).password_hash = "another"
        db.session.commit()
        return True

    monkeypatch.setattr(passwords, "verify_password", meanwhile)

    assert LoginRefused(WRONG) == attempt(now)


def test_creates_an_account(now: datetime) -> None:
    """A new account can log in; its address is lower-cased."""
    user = create_user("New@Example.com", "long enough", Role.STAFF, now)

    assert ("new@example.com", Role.STAFF, True) == (user.email, user.role, user.active)
    assert user is attempt(now, "long enough", "new@example.com")


@pytest.mark.parametrize(
    ("email", "password", "code"),
    [
        ("no address", "long enough", "INVALID_EMAIL"),
        ("new@example.com", "too short", "INVALID_PASSWORD"),
        ("TRADER@example.com", "long enough", "EMAIL_TAKEN"),
    ],
)
def test_refuses_a_bad_account(now: datetime, email: str, password: str, code: str) -> None:
    """The error is named, and no account is created."""
    with pytest.raises(AccessRefused) as refused:
        create_user(email, password, Role.CLIENT, now)

    assert code == refused.value.code
    assert 2 == db.session.query(User).count()


def test_disabling_ends_sessions(now: datetime) -> None:
    """A disabled account is logged out at once, and enabling it does not restore its sessions."""
    user = find_user(EMAIL)
    open_and_find(user, now)

    set_active(user, False, now)
    assert None is find_valid("token", now)

    set_active(user, True, now)
    assert None is find_valid("token", now)
    assert user is attempt(now)


def test_a_new_password_ends_sessions_and_the_wait(now: datetime) -> None:
    """After a change of the password every browser has to log in again, and may at once."""
    user = find_user(EMAIL)
    open_and_find(user, now)
    for n in range(ATTEMPT_BURST + 1):
        claim_attempt(EMAIL, f"203.0.113.{n}", None, now)
    for _ in range(3):
        attempt(now, "wrong password")

    change_password(user, "another password", now)

    assert None is find_valid("token", now)
    assert LoginRefused(WRONG) == attempt(now)
    assert user is attempt(now, "another password")
