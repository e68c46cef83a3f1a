"""The cookie by which an account recognizes a browser that has logged in before.

It grants no access: with it, the owner does not have to wait because others try wrong passwords.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeSerializer

from omcrm.auth.passwords import DUMMY_HASH
from omcrm.storage.user import User, same_email

LIFETIME = timedelta(days=180)


def known_device(
    cookies: Mapping[str, str], email: str, user: User | None, now: datetime
) -> str | None:
    """The id of this browser, if the account with this e-mail recognizes it."""
    # The signature is checked without an account too, so that the answer takes as long.
    try:
        device, expires_at = _signer(user).loads(cookies.get(cookie_name(email), ""))
    except (BadData, TypeError, ValueError):
        return None
    if user is None or not isinstance(device, str) or not isinstance(expires_at, int):
        return None
    return device if now.timestamp() < expires_at else None


def remember_device(response: Response, user: User, now: datetime) -> None:
    """Set the cookie by which the account recognizes this browser from now on."""
    device = known_device(request.cookies, user.email, user, now) or secrets.token_hex(16)
    expires_at = now + LIFETIME
    response.set_cookie(
        cookie_name(user.email),
        _signer(user).dumps([device, int(expires_at.timestamp())]),
        max_age=LIFETIME,
        path="/auth/login",
        secure=current_app.config["SESSION_COOKIE_SECURE"] or request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def cookie_name(email: str) -> str:
    """The name of the cookie of one account; a browser may have logged in to several."""
    return f"omcrm_device_{sha256(same_email(email).encode('utf-8', 'replace')).hexdigest()[:16]}"


def _signer(user: User | None) -> URLSafeSerializer:
    # The password's hash is part of what is signed: a new password ends all these cookies.
    owner = f"0 {DUMMY_HASH}" if user is None else f"{user.id} {user.password_hash}"
    return URLSafeSerializer(
        current_app.config["SECRET_KEY"],
        salt=f"omcrm device {owner}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
    )
