"""Makes accounts that are logged in, and prints their cookies: `python -m bench.fanout.logins N`.

In the database and with the key of the installation that the environment names. To log in over
HTTP would take a password's hash for each.
"""

import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from flask import Flask

from omcrm import create_app
from omcrm.auth.login import hash_token, new_token
from omcrm.extensions import db
from omcrm.storage import login_session
from omcrm.storage.transaction import transaction
from omcrm.storage.user import Role, User

_LIFETIME = timedelta(hours=1)


def log_in(app: Flask, count: int) -> Iterator[str]:
    """The cookies of so many new accounts, each with one login."""
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    tokens = [new_token() for _ in range(count)]
    with app.app_context(), transaction():
        now = datetime.now(UTC)
        users = [
            User(
                email=f"bench-{secrets.token_hex(8)}@example.com",
                password_hash="none",
                role=Role.CLIENT,
                created_at=now,
            )
            for _ in tokens
        ]
        db.session.add_all(users)
        db.session.flush()
        db.session.add_all(
            login_session.LoginSession(
                token_hash=hash_token(token),
                user_id=user.id,
                created_at=now,
                expires_at=now + _LIFETIME,
                user_agent="bench",
                remote_addr="127.0.0.1",
            )
            for user, token in zip(users, tokens, strict=True)
        )
    for token in tokens:
        value = signer.dumps({"_fresh": True, "_user_id": token})
        yield f"{app.config['SESSION_COOKIE_NAME']}={value}"


if __name__ == "__main__":
    print("\n".join(log_in(create_app(), int(sys.argv[1]))))
