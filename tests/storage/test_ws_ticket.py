from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import current_app

from omcrm.extensions import db
from omcrm.storage import ws_ticket
from omcrm.storage.transaction import transaction
from omcrm.storage.ws_ticket import WsTicket

SECONDS = timedelta(seconds=1)


@pytest.fixture
def ticket(database: None, now: datetime) -> Iterator[str]:
    """A ticket that is valid for thirty seconds."""
    ws_ticket.keep("hash", "session:abc", now, now + 30 * SECONDS)
    db.session.commit()
    return "hash"


def test_is_used_once(ticket: str, now: datetime) -> None:
    """The first use succeeds; after it the ticket is unknown."""
    assert "session:abc" == ws_ticket.find(ticket, now)
    assert ws_ticket.use_up(ticket)
    assert not ws_ticket.use_up(ticket)
    assert None is ws_ticket.find(ticket, now)


def test_it_expires(ticket: str, now: datetime) -> None:
    """After its expiry it gives None."""
    assert None is ws_ticket.find(ticket, now + 30 * SECONDS)
    assert "session:abc" == ws_ticket.find(ticket, now + 29 * SECONDS)


def test_an_unknown_ticket_gives_none(ticket: str, now: datetime) -> None:
    """A hash that was never issued has no handle."""
    assert None is ws_ticket.find("unknown", now)


def test_expired_ones_are_deleted(ticket: str, now: datetime) -> None:
    """Adding a ticket deletes the expired ones."""
    ws_ticket.keep("new", "token:abc", now + 31 * SECONDS, now + 61 * SECONDS)
    db.session.commit()

    assert ["new"] == [row.ticket_hash for row in db.session.query(WsTicket)]


def test_of_many_concurrent_uses_one_succeeds(ticket: str, now: datetime) -> None:
    """A copied ticket opens one socket only, for the copy or for its owner."""
    app = current_app._get_current_object()

    def use_up(_: int) -> bool:
        with app.app_context(), transaction():
            return ws_ticket.use_up(ticket)

    with ThreadPoolExecutor(8) as pool:
        assert [True] == [used for used in pool.map(use_up, range(8)) if used]
