"""The Flask-Login adapter: a browser holds a random token, the server knows its hash."""

import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from flask import Flask, current_app, g, request, session
from flask_login import AnonymousUserMixin, current_user, login_user, logout_user
from msgspec import Struct

from omcrm.auth.origin import is_foreign
from omcrm.auth.permission import PERMISSIONS
from omcrm.auth.session_cookie import SessionCookie
from omcrm.engine.bus import LoginEnded
from omcrm.extensions import login_manager
from omcrm.services import services
from omcrm.storage import login_session, user_event
from omcrm.storage.audit import record
from omcrm.storage.transaction import transaction
from omcrm.storage.user import Role, User
from omcrm.wire.user_event import NoticeCode

_TOKEN_BYTES = 32
_LONGEST_PATH = 2000


class SignedIn(Struct, frozen=True):
    """The user who makes this request: a value that stays valid after the database session."""

    id: int
    email: str
    role: Role
    token: str
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def may(self, permission: str) -> bool:
        """Whether the user's role has this permission."""
        return permission in PERMISSIONS[self.role]

    @property
    def session_hash(self) -> str:
        """The key of this login session in the database."""
        return hash_token(self.token)

    def __repr__(self) -> str:
        # The token is a secret and would end up in logs.
        return f"<{self.role} {self.email}>"

    def get_id(self) -> str:
        """The token, which Flask-Login puts into the cookie."""
        return self.token


class Anonymous(AnonymousUserMixin):  # type: ignore[misc]
    """A user who is not logged in, with the attributes that pages read."""

    id = None
    email = None
    role = None
    session_hash = None

    def may(self, permission: str) -> bool:
        """False: strangers have no permissions."""
        return False


def init_auth(app: Flask) -> None:
    """Configure Flask-Login with OMCRM's sessions."""
    login_manager.anonymous_user = Anonymous
    # Flask-Login's own check of address and browser would log out users whose address changes.
    login_manager.session_protection = None
    login_manager.user_loader(load_signed_in)
    login_manager.init_app(app)
    app.session_interface = SessionCookie()


def load_signed_in(token: str) -> SignedIn | None:
    """The user of this token; None when the session has ended or the account is disabled, and for
    a request from a page of another site: browsers send the cookie by themselves."""
    if is_foreign(request.environ, services().settings.public_url):
        return None
    user = login_session.find_valid(hash_token(token), datetime.now(UTC))
    return None if user is None else _signed_in(user, token)


def new_token() -> str:
    """The secret of a new login."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def open_login(user: User, token: str, now: datetime) -> None:
    """Add a login session with this token, for this browser, to the open transaction."""
    login_session.open_session(
        hash_token(token),
        user.id,
        now,
        timedelta(hours=services().settings.session_hours),
        user_agent=request.user_agent.string,
        remote_addr=request.remote_addr,
    )
    user_event.add(user.id, NoticeCode.LOGIN_CREATED, now)


def sign_in(user: User, token: str) -> None:
    """Give this browser the login with this token, in place of any earlier one."""
    _forget_browser_session()
    login_user(_signed_in(user, token))


def sign_out(now: datetime) -> None:
    """End this browser's session, also on the server, and publish that; commits."""
    token_hash = current_session_hash()
    if token_hash is not None:
        user_id = current_user.id
        with transaction():
            login_session.revoke(token_hash, now)
            record("logout", now, user_id=user_id, remote_addr=request.remote_addr)
            user_event.add(user_id, NoticeCode.LOGIN_ENDED, now)
    logout_user()
    _forget_browser_session()
    if token_hash is not None:
        services().bus.publish(LoginEnded(token_hash))


def current_session_hash() -> str | None:
    """The key of this request's session in the database; None without a login."""
    token_hash: str | None = current_user.session_hash
    return token_hash


def hash_token(token: str) -> str:
    """The SHA-256 of a session token, in hexadecimal."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def local_path(target: str | None) -> str | None:
    """The target if it is an absolute path on this site, else None.

    Browsers read `//host` and `/\\host` as another site and drop tabs and line ends before that,
    so none of these may occur anywhere.
    """
    if not target or len(target) > _LONGEST_PATH or not target.startswith("/"):
        return None
    if "//" in target or "\\" in target or not target.isprintable():
        return None
    return target


def _signed_in(user: User, token: str) -> SignedIn:
    return SignedIn(id=user.id, email=user.email, role=user.role, token=token)


def _forget_browser_session() -> None:
    session.clear()
    # Flask-WTF caches the CSRF token here; the cached one belongs to the old session.
    g.pop(current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token"), None)
