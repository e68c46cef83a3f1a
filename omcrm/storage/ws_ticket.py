"""Tickets: each opens one WebSocket, for the credential that asked for it."""

from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.storage.types import UtcDateTime


class WsTicket(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """One ticket that was not used yet; `handle` names the session or token it stands for."""

    __tablename__ = "ws_tickets"

    ticket_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    handle: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def keep(ticket_hash: str, handle: str, now: datetime, expires_at: datetime) -> None:
    """Add a ticket to the open transaction, and drop those that nobody used in time."""
    db.session.execute(delete(WsTicket).where(WsTicket.expires_at <= now))
    db.session.add(WsTicket(ticket_hash=ticket_hash, handle=handle, expires_at=expires_at))


def take(ticket_hash: str, now: datetime) -> str | None:
    """Use a ticket up: its handle, once; None for one that is unknown, used or too old; commits."""
    mine = WsTicket.ticket_hash == ticket_hash
    handle = db.session.scalar(select(WsTicket.handle).where(mine, WsTicket.expires_at > now))
    # The read ends here: SQLite refuses a write that builds on an old view.
    db.session.commit()
    if handle is None:
        return None
    # Of several who come with it at once, on whatever process, one deletes it.
    taken: CursorResult[Any] = db.session.execute(delete(WsTicket).where(mine))  # type: ignore[assignment]  # a DELETE gives a CursorResult
    db.session.commit()
    return handle if taken.rowcount == 1 else None
