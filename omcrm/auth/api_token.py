"""API tokens: the rules of creating and revoking them, apart from pages and JSON."""

import secrets
import string
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from limits import RateLimitItemPerHour
from msgspec import Struct

from omcrm.auth.credential import Caller
from omcrm.auth.login import hash_token
from omcrm.auth.permission import Permission, grantable
from omcrm.auth.rate_limit import UserRateLimit
from omcrm.errors import AccessRefused
from omcrm.extensions import db
from omcrm.storage import api_token, user_event
from omcrm.storage.api_token import NAME_LENGTH, ApiToken
from omcrm.storage.audit import record
from omcrm.storage.transaction import transaction
from omcrm.storage.user import Role
from omcrm.wire.error_code import ErrorCode
from omcrm.wire.user_event import NoticeCode

# Every token begins with it, so that scanners for leaked secrets recognize it.
MARK = "omcrm_"
MOST_TOKENS = 20
DAYS = (7, 30, 90, 365)
LONGEST_DAYS = max(DAYS)

_LETTERS = string.ascii_letters + string.digits
_LENGTH = 43  # 256 random bits
_SHOWN = len(MARK) + 6

_MADE = UserRateLimit("API tokens made", RateLimitItemPerHour(60))


class CreatedToken(Struct, frozen=True):
    """A new token; `secret` is what the program will send, and is stored nowhere."""

    secret: str
    row: ApiToken

    def __repr__(self) -> str:
        # The secret would end up in logs.
        return f"<{self.row.prefix}…>"


def create(
    caller: Caller,
    name: str,
    scopes: Collection[Permission],
    expires_at: datetime,
    now: datetime,
    remote_addr: str | None,
) -> CreatedToken:
    """Create a token of the caller's account; commits.

    Raises AccessRefused with the wrong field, with LIMIT_EXCEEDED where the account has too many
    tokens, and with TOO_MANY_REQUESTS.
    """
    name = _checked_name(name)
    _check_scopes(scopes, caller.role)
    _check_expiry(expires_at, now)
    if wait := _MADE.spend(str(caller.user_id)):
        message = f"Too many new tokens. Try again in {wait // 60 + 1} minutes."
        raise AccessRefused(ErrorCode.TOO_MANY_REQUESTS, message, 429, wait=wait)
    secret = MARK + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    row = ApiToken(
        user_id=caller.user_id,
        name=name,
        prefix=secret[:_SHOWN],
        token_hash=hash_token(secret),
        scopes=sorted(scope.value for scope in scopes),
        created_at=now,
        expires_at=expires_at,
    )
    detail = (
        f"{row.prefix} {row.name!r}: {', '.join(row.scopes)}, until {expires_at:%Y-%m-%d %H:%M}"
    )
    with transaction():
        _check_count(caller.user_id, now)
        db.session.add(row)
        record("create_token", now, user_id=caller.user_id, detail=detail, remote_addr=remote_addr)
        user_event.add(caller.user_id, NoticeCode.TOKEN_CREATED, now, name=name)
    return CreatedToken(secret, row)


def revoke(user_id: int, token_id: int, now: datetime, remote_addr: str | None) -> ApiToken:
    """Revoke a token; commits. UNKNOWN_TOKEN for another user's, a missing or a revoked one."""
    with transaction():
        row = api_token.revoke(user_id, token_id, now) if 0 < token_id < 2**31 else None
        if row is None:
            raise AccessRefused(ErrorCode.UNKNOWN_TOKEN, "You have no such token.", 404)
        detail = f"{row.prefix} {row.name!r}"
        record("revoke_token", now, user_id=user_id, detail=detail, remote_addr=remote_addr)
        user_event.add(user_id, NoticeCode.TOKEN_REVOKED, now, name=row.name)
    return row


def expiry(now: datetime, *, days: int | None = None, last_day: date | None = None) -> datetime:
    """When a token expires: after `days`, or at the end of `last_day` in UTC."""
    if last_day is None:
        return now + timedelta(days=days or 0)
    try:
        return datetime.combine(last_day + timedelta(days=1), time(), UTC)
    except OverflowError:
        raise _invalid_expiry() from None


def _check_count(user_id: int, now: datetime) -> None:
    api_token.lock_tokens(user_id)
    api_token.forget_ended(user_id, now)
    if api_token.count_usable(user_id, now) >= MOST_TOKENS:
        message = f"You have {MOST_TOKENS} tokens already: revoke one first."
        raise AccessRefused(ErrorCode.LIMIT_EXCEEDED, message, 409)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        message = f"name: give it 1 to {NAME_LENGTH} printable characters."
        raise AccessRefused(ErrorCode.INVALID_NAME, message, field="name")
    return name


def _check_scopes(scopes: Collection[Permission], role: Role) -> None:
    allowed = grantable(role)
    if not scopes:
        raise AccessRefused(
            ErrorCode.INVALID_SCOPES, "scopes: choose at least one.", field="scopes"
        )
    if beyond := [scope for scope in scopes if scope not in allowed]:
        message = f"scopes: only an admin may give {', '.join(beyond)}."
        raise AccessRefused(ErrorCode.INVALID_SCOPES, message, field="scopes")


def _check_expiry(expires_at: datetime, now: datetime) -> None:
    # The end of the last allowed day is up to a day later than a year from now.
    if not now < expires_at <= now + timedelta(days=LONGEST_DAYS + 1):
        raise _invalid_expiry()


def _invalid_expiry() -> AccessRefused:
    message = f"expires_on: choose a day from today on, at most {LONGEST_DAYS} days ahead."
    return AccessRefused(ErrorCode.INVALID_EXPIRY, message, field="expires_on")
