from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import current_app

from omcrm.extensions import db
from omcrm.storage import ws_ticket
from omcrm.storage.ws_ticket import WsTicket

SECONDS = timedelta(seconds=1)


@pytest.fixture
def ticket(database: None, now: datetime) -> Iterator[str]:
    """A ticket that is good for thirty seconds."""
    ws_ticket.keep("hash", "session:abc", now, now + 30 * SECONDS)
    db.session.commit()
    return "hash"


def test_is_used_once(ticket: str, now: datetime) -> None:
    """The first gets what it stands for, the second nothing."""
    assert "session:abc" == ws_ticket.take(ticket, now)
    assert None is ws_ticket.take(ticket, now)


def test_is_used_soon(ticket: str, now: datetime) -> None:
    """After its time it is worth nothing."""
    assert None is ws_ticket.take(ticket, now + 30 * SECONDS)
    assert "session:abc" == ws_ticket.take(ticket, now + 29 * SECONDS)


def test_unknown_is_nothing(ticket: str, now: datetime) -> None:
    """A hash that was never given out stands for nothing."""
    assert None is ws_ticket.take("unknown", now)


def test_old_ones_are_swept(ticket: str, now: datetime) -> None:
    """Whoever gets a new one takes away what nobody used."""
    ws_ticket.keep("new", "token:abc", now + 31 * SECONDS, now + 61 * SECONDS)
    db.session.commit()

    assert ["new"] == [row.ticket_hash for row in db.session.query(WsTicket)]


def test_of_many_at_once_one_gets_it(ticket: str, now: datetime) -> None:
    """Whoever copies a ticket races its owner, and only one of them comes in."""
    app = current_app._get_current_object()

    def take(_: int) -> str | None:
        with app.app_context():
            return ws_ticket.take(ticket, now)

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(8)))

    assert ["session:abc"] == [session for session in taken if session]
