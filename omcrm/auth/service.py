"""Accounts and logins: the rules, apart from browsers and cookies."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from math import ceil
from types import MappingProxyType

from msgspec import Struct
from sqlalchemy.exc import IntegrityError

from omcrm.auth import passwords
from omcrm.auth.device import known_device
from omcrm.auth.login_throttle import LoginAttempt, claim_attempt, forgive, network_of, withdraw
from omcrm.errors import AccessRefused
from omcrm.extensions import db
from omcrm.storage import api_token, user_event
from omcrm.storage.audit import record
from omcrm.storage.login_failure import forget_all
from omcrm.storage.login_session import revoke_all
from omcrm.storage.transaction import transaction
from omcrm.storage.user import Role, User, find_user, is_email, same_email
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.user_event import NoticeCode

WRONG = "E-mail or password is wrong."
BUSY_SECONDS = 5
_NO_COOKIES: Mapping[str, str] = MappingProxyType({})


class LoginRefused(Struct, frozen=True):
    """Why a login was refused; `status` is HTTP's, `wait_seconds` the time until the next try."""

    message: str
    status: int = 401
    wait_seconds: int = 0


def attempt_login(
    email: str,
    password: str,
    remote_addr: str | None,
    now: datetime,
    cookies: Mapping[str, str] = _NO_COOKIES,
    open_login: Callable[[User], None] = lambda user: None,
) -> User | LoginRefused:
    """The account with this e-mail and password, or the refusal to show; commits.

    `open_login` adds the login to the transaction in which it is accepted. A refusal does not
    reveal whether the account exists.
    """
    user = find_user(email)
    # Read now: after a commit they would cost another query, only where there is an account.
    user_id = None if user is None else user.id
    known_hash = passwords.DUMMY_HASH if user is None else user.password_hash
    device = known_device(cookies, email, user, now)
    claim = claim_attempt(email, network_of(remote_addr), device, now)
    if not isinstance(claim, LoginAttempt):
        return _too_many_attempts(claim)
    try:
        good_hash = _checked(password, known_hash)
    except AccessRefused as busy:
        withdraw(claim)
        return LoginRefused(busy.message, busy.status, wait_seconds=BUSY_SECONDS)
    # Read again: meanwhile the account may have been disabled or its password changed.
    if good_hash and user is not None and user.active and user.password_hash == known_hash:
        forgive(claim, partial(_accept, user, good_hash, remote_addr, now, open_login))
        return user
    return _refuse_wrong(email, user_id, remote_addr, now)


def create_user(email: str, password: str, role: Role, now: datetime) -> User:
    """Create an account; raises AccessRefused for a bad address or password or a taken address."""
    if not is_email(email):
        raise AccessRefused(ErrorCode.INVALID_EMAIL, f"{email!r} is not an e-mail address.")
    passwords.check_new_password(password)
    user = User(
        email=email,
        password_hash=passwords.hash_password(password),
        role=role,
        active=True,
        created_at=now,
    )
    try:
        with transaction():
            db.session.add(user)
    except IntegrityError:
        raise AccessRefused(
            ErrorCode.EMAIL_TAKEN, f"{same_email(email)} has an account already.", 409
        ) from None
    return user


def set_active(user: User, active: bool, now: datetime) -> None:
    """Let an account log in, or disable it and end its sessions and tokens at once; commits."""
    with transaction():
        user.active = active
        if not active:
            revoke_all(user.id, now)
            api_token.revoke_all(user.id, now)
            user_event.add(user.id, NoticeCode.ACCESS_REVOKED, now)


def change_password(user: User, password: str, now: datetime) -> None:
    """Set a new password and end every session and token of the account; commits."""
    passwords.check_new_password(password)
    new_hash = passwords.hash_password(password)
    with transaction():
        user.password_hash = new_hash
        revoke_all(user.id, now)
        api_token.revoke_all(user.id, now)
        user_event.add(user.id, NoticeCode.ACCESS_REVOKED, now)
        forget_all(user.email)


def _checked(password: str, known_hash: str) -> str | None:
    """The hash to store from now on if the password is right, else None."""
    if not passwords.verify_password(password, known_hash):
        return None
    return passwords.hash_password(password) if passwords.is_outdated(known_hash) else known_hash


def _accept(
    user: User,
    good_hash: str,
    remote_addr: str | None,
    now: datetime,
    open_login: Callable[[User], None],
) -> None:
    user.password_hash = good_hash
    record("login", now, user_id=user.id, remote_addr=remote_addr)
    open_login(user)


def _refuse_wrong(
    email: str, user_id: int | None, remote_addr: str | None, now: datetime
) -> LoginRefused:
    with transaction():
        record(
            "failed_login",
            now,
            user_id=user_id,
            detail=same_email(email),
            remote_addr=remote_addr,
        )
    return LoginRefused(WRONG)


def _too_many_attempts(seconds: int) -> LoginRefused:
    minutes = ceil(seconds / 60)
    number, unit = (seconds, "second") if seconds <= 120 else (minutes, "minute")
    plural = "" if number == 1 else "s"
    message = f"Too many failed attempts for this e-mail. Try again in {number} {unit}{plural}."
    return LoginRefused(message, 429, seconds)
