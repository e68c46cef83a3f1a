from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from omcrm.auth import ticket
from omcrm.auth.credential import Caller, session_caller
from omcrm.auth.login import hash_token
from omcrm.errors import AccessRefused
from omcrm.extensions import db
from omcrm.storage.user import Role
from omcrm.storage.ws_ticket import WsTicket

CALLER = session_caller(1, Role.CLIENT, "abc")
OTHER = Caller(1, Role.CLIENT, frozenset(), "token:abc")


def test_only_its_hash_is_kept(app: Flask) -> None:
    """With its caller's handle, for thirty seconds."""
    now = datetime.now(UTC)
    with app.app_context():
        issued = ticket.issue(CALLER, now)
        (kept,) = db.session.query(WsTicket)

        assert (hash_token(issued), "session:abc", now + timedelta(seconds=30)) == (
            kept.ticket_hash,
            kept.handle,
            kept.expires_at,
        )
    assert 43 == len(issued)


def test_every_ticket_is_different(app: Flask) -> None:
    """No two are the same."""
    with app.app_context():
        assert 3 == len({ticket.issue(CALLER, datetime.now(UTC)) for _ in range(3)})


def test_tickets_are_limited_by_the_minute(app: Flask) -> None:
    """A caller beyond the limit has to wait; others do not."""
    with app.app_context():
        for _ in range(60):
            ticket.issue(CALLER, datetime.now(UTC))
        with pytest.raises(AccessRefused) as refused:
            ticket.issue(CALLER, datetime.now(UTC))

        assert ("TOO_MANY_REQUESTS", 429) == (refused.value.code, refused.value.status)
        assert ticket.issue(OTHER, datetime.now(UTC))
