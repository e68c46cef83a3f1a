"""Passwords: which are accepted, and Argon2id hashing that does not block the event loop."""

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from omcrm.concurrency import run_in_native_thread
from omcrm.errors import AccessRefused
from omcrm.wire.error_code import ErrorCode

Result = TypeVar("Result")

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1024
HASHES_AT_ONCE = 2
WAITING_AT_MOST = 100

# OWASP Password Storage Cheat Sheet, Argon2id; the memory is in KiB and taken by each hash.
_hasher = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)

# Checked where there is no such account, so that the answer takes as long.
# It was made from random bytes that were not stored.
DUMMY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$cflif5L/ymA7ojtHZQ7pZw"
    "$trnb5GnJTZo2azJFpLD3T1dHoiIdqlaGW5090ZJk+JQ"
)

_hashing = BoundedSemaphore(HASHES_AT_ONCE)
_waiting = BoundedSemaphore(HASHES_AT_ONCE + WAITING_AT_MOST)


def check_new_password(password: str) -> None:
    """Refuse a password that is too short or too long for a new account."""
    if len(password) < SHORTEST_PASSWORD:
        raise AccessRefused(
            ErrorCode.INVALID_PASSWORD,
            f"The password must have at least {SHORTEST_PASSWORD} characters.",
        )
    if len(password) > LONGEST_PASSWORD:
        raise AccessRefused(
            ErrorCode.INVALID_PASSWORD,
            f"The password must have at most {LONGEST_PASSWORD} characters.",
        )


def hash_password(password: str) -> str:
    """The Argon2id hash to store, with its parameters and salt in it."""
    return _limited(_hasher.hash, password)


def verify_password(password: str, password_hash: str) -> bool:
    """Whether the password is the one that was hashed."""
    return len(password) <= LONGEST_PASSWORD and _limited(_matches, password, password_hash)


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than the current ones."""
    return _hasher.check_needs_rehash(password_hash)


def _matches(password: str, password_hash: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _limited(function: Callable[..., Result], *args: str) -> Result:
    if not _waiting.acquire(blocking=False):
        raise AccessRefused(
            ErrorCode.LOGIN_BUSY, "Too many people are logging in. Try again in a few seconds.", 503
        )
    try:
        with _hashing:
            return run_in_native_thread(function, *args)
    finally:
        _waiting.release()
