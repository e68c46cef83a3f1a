"""Identifies callers: the one place that reads credentials of HTTP requests and of WebSocket
handshakes.

A credential that is sent on purpose (a token, a ticket) decides alone; the session cookie, which a
browser sends by itself, counts only without one.

Longer than most for a reason: each kind of credential, and whether it is still valid, in one place.
"""

import logging
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Any

from flask import Flask, current_app
from limits import RateLimitItemPerMinute
from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from omcrm.auth.login import hash_token
from omcrm.auth.origin import is_foreign
from omcrm.auth.permission import PERMISSIONS, Permission, effective
from omcrm.auth.rate_limit import UserRateLimit
from omcrm.auth.session_cookie import cookie_token
from omcrm.services import services, services_of
from omcrm.storage import api_token, login_session, ws_ticket
from omcrm.storage.sqlite_file import writer_timeout
from omcrm.storage.transaction import end_read, transaction
from omcrm.storage.unavailable import is_unavailable
from omcrm.storage.user import Role
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.wire.error_code import ErrorCode

Environ = dict[str, Any]

_SESSION, _TOKEN = "session:", "token:"
# The hash of the session that the cookie of a handshake names, empty for none; no client can set
# it, because headers have other names.
_SESSION_HASH = "omcrm.session_hash"

# So many sessions of connected clients are looked up by one query.
_SWEPT_AT_ONCE = 500
# How long storing a token's last use may wait for another process's writer, in seconds.
_NOTE_TIMEOUT = 0.1

_log = ThrottledLog(logging.getLogger(__name__))


class Caller(Struct, frozen=True):
    """An identified caller, the same for pages, programs and sockets.

    `permissions` are those of the user's role; a token has the ones it was given of them. `handle`
    names the credential, so that `dead_among` can check later whether it is still valid; it is no
    secret.
    """

    user_id: int
    role: Role
    permissions: frozenset[Permission]
    handle: str

    def may(self, permission: Permission) -> bool:
        """Whether the caller has this permission."""
        return permission in self.permissions

    @property
    def has_session(self) -> bool:
        """Whether the credential is a login, not a token."""
        return self.handle.startswith(_SESSION)


def session_caller(user_id: int, role: Role, session_hash: str) -> Caller:
    """The caller with this login session."""
    return Caller(user_id, role, PERMISSIONS[role], session_handle(session_hash))


class UnidentifiedReason(StrEnum):
    """Why a caller was not identified; for the log, not for the answer."""

    NONE_GIVEN = "none given"
    WRONG = "wrong"
    EXPIRED = "expired"
    REVOKED = "revoked"
    USER_DISABLED = "user disabled"
    FOREIGN_ORIGIN = "foreign origin"
    TOO_MANY_WRONG = "too many wrong ones"


class Unidentified(Struct, frozen=True):
    """A caller who was not identified; `status`, `code` and `message` are the answer."""

    reason: UnidentifiedReason
    wait_seconds: int = 0

    @property
    def status(self) -> int:
        return self._answer[0]

    @property
    def code(self) -> ErrorCode:
        return self._answer[1]

    @property
    def message(self) -> str:
        return self._answer[2]

    @property
    def _answer(self) -> tuple[int, ErrorCode, str]:
        return _ANSWERS.get(self.reason, _FAILED)


# The answer does not reveal whether a token was once valid.
_FAILED = (401, ErrorCode.AUTHENTICATION_FAILED, "Authentication failed")
_ANSWERS = {
    UnidentifiedReason.NONE_GIVEN: (
        401,
        ErrorCode.AUTHENTICATION_REQUIRED,
        "You must log in first.",
    ),
    UnidentifiedReason.FOREIGN_ORIGIN: (403, ErrorCode.FORBIDDEN_ORIGIN, "forbidden origin"),
    UnidentifiedReason.TOO_MANY_WRONG: (
        429,
        ErrorCode.TOO_MANY_REQUESTS,
        "Too many failed attempts from your network address",
    ),
}


def identify(
    environ: Environ, *, websocket: bool = False, recent: bool = False
) -> Caller | Unidentified:
    """The caller who makes this request, or why there is none; commits.

    Needs an app context, and no request context. Reads `Authorization: Bearer …`, then
    `x-api-key: …`, for a WebSocket's handshake then `?token=…` and `?ticket=…`, and last the
    session's cookie, which counts on requests from our own pages only.

    With `recent` a session that was looked up within the last seconds is not looked up again: for
    connections, which the sweeper ends where the session is over.
    """
    now = datetime.now(UTC)
    address = environ.get("REMOTE_ADDR") or ""
    query = _query(environ) if websocket else {}
    if token := _bearer(environ) or environ.get("HTTP_X_API_KEY") or query.get("token"):
        return _of_token(token, address, now)
    if ticket := query.get("ticket"):
        return _of_ticket(ticket, address, now)
    return _of_session(environ, now, recent)


def expect(app: Flask, environ: Environ) -> None:
    """Read the session's cookie of a handshake whose caller is identified later, as a `recent` one:
    its login is then looked up together with those of other handshakes.

    Needs no app context.
    """
    environ[_SESSION_HASH] = _session_hash(app, environ)
    if environ[_SESSION_HASH]:
        services_of(app).recent_logins.expect(environ[_SESSION_HASH])


def session_handle(session_hash: str) -> str:
    """The handle of a caller with this login session."""
    return _SESSION + session_hash


def dead_among(handles: Collection[str]) -> set[str]:
    """Those of the callers' handles whose session or token is no longer valid: ended, expired,
    revoked, unknown or of a disabled account.

    One query for tokens, and one for every so many sessions; between those other threads run.
    Leaves no transaction open.
    """
    now = datetime.now(UTC)
    sessions = _named(_SESSION, handles)
    tokens = _named(_TOKEN, handles)
    dead_sessions = _dead_sessions(sessions, now)
    dead_tokens = api_token.invalid_among(tokens, now)
    end_read()
    alive = {_SESSION + session for session in sessions - dead_sessions}
    alive |= {_TOKEN + token for token in tokens - dead_tokens}
    return set(handles) - alive


def _dead_sessions(sessions: Collection[str], now: datetime) -> set[str]:
    dead: set[str] = set()
    left = iter(sessions)
    while some := list(islice(left, _SWEPT_AT_ONCE)):
        dead |= login_session.invalid_among(some, now)
        time.sleep(0)
    return dead


def _named(kind: str, handles: Collection[str]) -> set[str]:
    return {handle.removeprefix(kind) for handle in handles if handle.startswith(kind)}


# The kinds of credentials


def _query(environ: Environ) -> Mapping[str, str]:
    query: Mapping[str, str] = current_app.request_class(environ, populate_request=False).args
    return query


def _bearer(environ: Environ) -> str:
    # Another scheme may be meant for a proxy.
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _of_token(token: str, address: str, now: datetime) -> Caller | Unidentified:
    guesses = _guesses("token")
    if wait := guesses.wait(address):
        return Unidentified(UnidentifiedReason.TOO_MANY_WRONG, wait)
    caller = _of_token_hash(hash_token(token), address, now)
    # A caller with a token that was once valid does not guess.
    if isinstance(caller, Unidentified) and caller.reason is UnidentifiedReason.WRONG:
        guesses.spend(address)
    return caller


def _of_ticket(ticket: str, address: str, now: datetime) -> Caller | Unidentified:
    # Counted apart from tokens: a page that reconnects with a used ticket must not block programs.
    guesses = _guesses("ticket")
    if wait := guesses.wait(address):
        return Unidentified(UnidentifiedReason.TOO_MANY_WRONG, wait)
    handle = _take_ticket(hash_token(ticket), now)
    if handle is None:
        guesses.spend(address)
        return Unidentified(UnidentifiedReason.WRONG)
    if handle.startswith(_TOKEN):
        return _of_token_hash(handle.removeprefix(_TOKEN), address, now)
    session_hash = handle.removeprefix(_SESSION)
    caller = _sessions([session_hash], now).get(session_hash)
    return caller or Unidentified(UnidentifiedReason.REVOKED)


def _take_ticket(ticket_hash: str, now: datetime) -> str | None:
    """The handle of a ticket, which is used up by that."""
    handle = ws_ticket.find(ticket_hash, now)
    if handle is None:
        end_read()
        return None
    with transaction():
        return handle if ws_ticket.use_up(ticket_hash) else None


def _of_session(environ: Environ, now: datetime, recent: bool) -> Caller | Unidentified:
    session_hash = environ.get(_SESSION_HASH)
    if session_hash is None:
        session_hash = _session_hash(current_app, environ)
    if not session_hash:
        return Unidentified(UnidentifiedReason.NONE_GIVEN)
    if is_foreign(environ, services().settings.public_url):
        return Unidentified(UnidentifiedReason.FOREIGN_ORIGIN)
    look_up = partial(_sessions, now=now)
    caller = (
        services().recent_logins.find(session_hash, look_up)
        if recent
        else look_up([session_hash]).get(session_hash)
    )
    return caller or Unidentified(UnidentifiedReason.NONE_GIVEN)


def _session_hash(app: Flask, environ: Environ) -> str:
    token = cookie_token(app, environ)
    return "" if token is None else hash_token(token)


def _sessions(session_hashes: Collection[str], now: datetime) -> dict[str, Caller]:
    owners = login_session.find_owners(session_hashes, now)
    return {name: session_caller(*owner, name) for name, owner in owners.items()}


def _of_token_hash(token_hash: str, address: str, now: datetime) -> Caller | Unidentified:
    known = api_token.find(token_hash)
    end_read()
    if known is None:
        return Unidentified(UnidentifiedReason.WRONG)
    if known.revoked_at is not None:
        return Unidentified(UnidentifiedReason.REVOKED)
    if known.expires_at <= now:
        return Unidentified(UnidentifiedReason.EXPIRED)
    if not known.is_user_active:
        return Unidentified(UnidentifiedReason.USER_DISABLED)
    if known.is_use_due(now):
        _note_use(known.id, address, now)
    permissions = effective(known.scopes, known.role)
    return Caller(known.user_id, known.role, permissions, _TOKEN + token_hash)


def _note_use(token_id: int, address: str, now: datetime) -> None:
    try:
        # The request shall not wait long for it.
        with writer_timeout(_NOTE_TIMEOUT), transaction():
            api_token.note_use(token_id, now, address)
    except DBAPIError as error:
        # Another process writes for long, or no one can write: the token is valid all the same.
        if not is_unavailable(error):
            raise
        _log.warning("the use of token %s could not be noted: the database is busy", token_id)


def _guesses(kind: str) -> UserRateLimit:
    allowed = services().settings.login_failures_per_minute
    return UserRateLimit(f"wrong {kind}", RateLimitItemPerMinute(allowed))
