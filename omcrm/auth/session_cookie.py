"""The browser's session cookie: Flask's, read at less cost."""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature, URLSafeTimedSerializer
from itsdangerous.signer import Signer
from itsdangerous.timed import TimestampSigner
from werkzeug.sansio.http import parse_cookie

# Flask-Login's name for the login's token.
_USER = "_user_id"


class _CookieSigner(TimestampSigner):
    """Derives the key of each secret once."""

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        self._derived: dict[Any, bytes] = {}

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        if secret_key not in self._derived:
            self._derived[secret_key] = super().derive_key(secret_key)
        return self._derived[secret_key]


class _CookieSerializer(URLSafeTimedSerializer):
    """Makes its signer once."""

    default_signer = _CookieSigner

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        self._signer = super().make_signer()

    def make_signer(self, salt: str | bytes | None = None) -> Signer:
        return self._signer if salt is None else super().make_signer(salt)


class SessionCookie(SecureCookieSessionInterface):
    """Flask's session cookie; what signs it is made once, and not for each request."""

    def __init__(self) -> None:
        self._made: tuple[list[Any], _CookieSerializer] | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """What signs and reads the cookie; None without a key."""
        keys = [*(app.config["SECRET_KEY_FALLBACKS"] or ()), app.secret_key]
        if not app.secret_key:
            return None
        if self._made is None or self._made[0] != keys:
            signing = {"key_derivation": self.key_derivation, "digest_method": self.digest_method}
            serializer = _CookieSerializer(
                keys, salt=self.salt, serializer=self.serializer, signer_kwargs=signing
            )
            self._made = keys, serializer
        return self._made[1]

    def token(self, app: Flask, cookies: str) -> str | None:
        """The token of the login in a request's cookies; None without one that we signed."""
        value = parse_cookie(cookies).get(self.get_cookie_name(app))
        serializer = self.get_signing_serializer(app)
        if not value or serializer is None:
            return None
        lifetime = int(app.permanent_session_lifetime.total_seconds())
        try:
            session = serializer.loads(value, max_age=lifetime)
        except BadSignature:
            return None
        token = session.get(_USER)
        return token if isinstance(token, str) else None


def cookie_token(app: Flask, environ: Mapping[str, Any]) -> str | None:
    """The token of the login in a request's cookies; None without one that we signed.

    For connections: a request that may change the session opens it.
    """
    sessions = app.session_interface
    assert isinstance(sessions, SessionCookie), "`init_auth` has set it"
    return sessions.token(app, environ.get("HTTP_COOKIE", ""))
