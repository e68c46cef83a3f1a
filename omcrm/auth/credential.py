"""Who calls: the one place that reads credentials, of HTTP requests and WebSocket handshakes alike.

What is presented on purpose (a token, a ticket) decides alone; the session cookie, which a browser
sends by itself, only where there is nothing else.
"""

import logging
from collections.abc import Collection
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from flask import current_app
from limits import RateLimitItemPerMinute
from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from omcrm.auth.login import hash_token
from omcrm.auth.origin import is_foreign
from omcrm.auth.rate_limit import UserRateLimit
from omcrm.auth.scope import ADMIN_ONLY, Scope, effective
from omcrm.extensions import db
from omcrm.storage import api_token, login_session, ws_ticket
from omcrm.storage.sqlite_file import patience
from omcrm.storage.unavailable import is_unavailable
from omcrm.storage.user import Role
from omcrm.streaming.throttled_log import ThrottledLog

Environ = dict[str, Any]

_SESSION, _TOKEN = "session:", "token:"

# So many seconds the use of a token may wait for another process's writer to be noted.
_NOTED_WITHIN = 0.1

_log = ThrottledLog(logging.getLogger(__name__))


class Caller(Struct, frozen=True):
    """Who calls, and what with.

    `scopes` is None for a session, which may do whatever its user may. `handle` names the
    credential, so that `dead_among` can tell later whether it still holds; it is no secret.
    """

    user_id: int
    is_admin: bool
    scopes: frozenset[Scope] | None
    handle: str

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed."""
        if self.scopes is None:
            return self.is_admin or scope not in ADMIN_ONLY
        return scope in self.scopes


class UnidentifiedReason(StrEnum):
    """Why nobody was recognised; for us, not for who asked."""

    NONE_GIVEN = "none given"
    WRONG = "wrong"
    EXPIRED = "expired"
    REVOKED = "revoked"
    USER_DISABLED = "user disabled"
    FOREIGN_ORIGIN = "foreign origin"
    TOO_MANY_WRONG = "too many wrong ones"


class Unidentified(Struct, frozen=True):
    """Nobody was recognised; `code`, `message` and HTTP's `status` are what the caller is told."""

    reason: UnidentifiedReason
    wait_seconds: int = 0

    @property
    def status(self) -> int:
        return self._told[0]

    @property
    def code(self) -> str:
        return self._told[1]

    @property
    def message(self) -> str:
        return self._told[2]

    @property
    def _told(self) -> tuple[int, str, str]:
        return _TOLD.get(self.reason, _FAILED)


# Whether a token was right once is nobody's business.
_FAILED = (401, "AUTHENTICATION_FAILED", "Authentication failed")
_TOLD = {
    UnidentifiedReason.NONE_GIVEN: (401, "AUTHENTICATION_REQUIRED", "You must log in first."),
    UnidentifiedReason.FOREIGN_ORIGIN: (403, "FORBIDDEN_ORIGIN", "forbidden origin"),
    UnidentifiedReason.TOO_MANY_WRONG: (
        429,
        "TOO_MANY_REQUESTS",
        "Too many failed attempts from your network address",
    ),
}


def identify(environ: Environ, *, websocket: bool = False) -> Caller | Unidentified:
    """Who makes this request, or why that is not known; commits.

    It needs an app context, and no request context. Read are `Authorization: Bearer …`, then
    `x-api-key: …`, for a WebSocket's handshake then `?token=…` and `?ticket=…`, and at last the
    session's cookie: that one from our own pages only.
    """
    now = datetime.now(UTC)
    request = current_app.request_class(environ, populate_request=False)
    address = request.remote_addr or ""
    query = request.args if websocket else {}
    if token := _bearer(request) or request.headers.get("x-api-key") or query.get("token"):
        return _of_token(token, address, now)
    if ticket := query.get("ticket"):
        return _of_ticket(ticket, address, now)
    return _of_session(request, now)


def dead_among(handles: Collection[str]) -> set[str]:
    """Those of the callers' handles whose session or token does not hold any more.

    At most one query for sessions and one for tokens, however many there are; ended, expired,
    revoked, unknown and of a disabled account are all the same here. Leaves nothing open.
    """
    now = datetime.now(UTC)
    sessions = _named(_SESSION, handles)
    tokens = _named(_TOKEN, handles)
    dead_sessions = login_session.invalid_among(sessions, now)
    dead_tokens = api_token.invalid_among(tokens, now)
    db.session.rollback()
    alive = {_SESSION + session for session in sessions - dead_sessions}
    alive |= {_TOKEN + token for token in tokens - dead_tokens}
    return set(handles) - alive


def _named(kind: str, handles: Collection[str]) -> set[str]:
    return {handle.removeprefix(kind) for handle in handles if handle.startswith(kind)}


# One kind of credential after the other


def _bearer(request: Any) -> str:
    # Another scheme may be a proxy's, and is not for us.
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _of_token(token: str, address: str, now: datetime) -> Caller | Unidentified:
    guesses = _guesses("token")
    if wait := guesses.wait(address):
        return Unidentified(UnidentifiedReason.TOO_MANY_WRONG, wait)
    found = _judged(hash_token(token), address, now)
    # Who has a token that was good once does not guess.
    if isinstance(found, Unidentified) and found.reason is UnidentifiedReason.WRONG:
        guesses.spend(address)
    return found


def _of_ticket(ticket: str, address: str, now: datetime) -> Caller | Unidentified:
    # Apart from tokens: a page that comes back with a used one must not shut out programs.
    guesses = _guesses("ticket")
    if wait := guesses.wait(address):
        return Unidentified(UnidentifiedReason.TOO_MANY_WRONG, wait)
    handle = ws_ticket.take(hash_token(ticket), now)
    if handle is None:
        guesses.spend(address)
        return Unidentified(UnidentifiedReason.WRONG)
    if handle.startswith(_TOKEN):
        return _judged(handle.removeprefix(_TOKEN), address, now)
    return _session(handle.removeprefix(_SESSION), now) or Unidentified(UnidentifiedReason.REVOKED)


def _of_session(request: Any, now: datetime) -> Caller | Unidentified:
    cookie = current_app.session_interface.open_session(current_app, request)
    secret = None if cookie is None else cookie.get("_user_id")
    if not isinstance(secret, str):
        return Unidentified(UnidentifiedReason.NONE_GIVEN)
    if is_foreign(request.environ, current_app.extensions["omcrm.settings"].public_url):
        return Unidentified(UnidentifiedReason.FOREIGN_ORIGIN)
    return _session(hash_token(secret), now) or Unidentified(UnidentifiedReason.NONE_GIVEN)


def _session(session_hash: str, now: datetime) -> Caller | None:
    user = login_session.find_valid(session_hash, now)
    if user is None:
        db.session.commit()
        return None
    caller = Caller(user.id, user.role is Role.ADMIN, None, _SESSION + session_hash)
    db.session.commit()
    return caller


def _judged(token_hash: str, address: str, now: datetime) -> Caller | Unidentified:
    known = api_token.find(token_hash)
    # The read ends here: SQLite refuses a write that builds on an old view.
    db.session.commit()
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
    is_admin = known.role is Role.ADMIN
    scopes = effective(known.scopes, is_admin)
    return Caller(known.user_id, is_admin, scopes, _TOKEN + token_hash)


def _note_use(token_id: int, address: str, now: datetime) -> None:
    try:
        # Nobody waits for that.
        with patience(_NOTED_WITHIN):
            api_token.note_use(token_id, now, address)
            db.session.commit()
    except DBAPIError as error:
        # Somebody else writes for long, or nobody can: the token is good all the same.
        db.session.rollback()
        if not is_unavailable(error):
            raise
        _log.warning("the use of token %s could not be noted: the database is busy", token_id)


def _guesses(kind: str) -> UserRateLimit:
    allowed = current_app.extensions["omcrm.settings"].login_failures_per_minute
    return UserRateLimit(f"wrong {kind}", RateLimitItemPerMinute(allowed))
