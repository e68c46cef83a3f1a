"""Tickets: each opens one WebSocket, for the credential that requested it."""

from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.extensions import db
from omcrm.storage.types import UtcDateTime


class WsTicket(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """One unused ticket; `handle` names the session or token that requested it."""

    __tablename__ = "ws_tickets"

    ticket_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    handle: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def keep(ticket_hash: str, handle: str, now: datetime, expires_at: datetime) -> None:
    """Add a ticket to the open transaction, and delete the expired ones."""
    db.session.execute(delete(WsTicket).where(WsTicket.expires_at <= now))
    db.session.add(WsTicket(ticket_hash=ticket_hash, handle=handle, expires_at=expires_at))


def take(ticket_hash: str, now: datetime) -> str | None:
    """Use a ticket up, and return its handle; None for an unknown, used or expired one; commits."""
    mine = WsTicket.ticket_hash == ticket_hash
    handle = db.session.scalar(select(WsTicket.handle).where(mine, WsTicket.expires_at > now))
    # End the read transaction: SQLite refuses a write after an outdated read.
    db.session.commit()
    if handle is None:
        return None
    # Of several concurrent requests, in any process, only one deletes the row.
    taken: CursorResult[Any] = db.session.execute(delete(WsTicket).where(mine))  # type: ignore[assignment]  # a DELETE gives a CursorResult
    db.session.commit()
    return handle if taken.rowcount == 1 else None
