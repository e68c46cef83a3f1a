"""Events to users, numbered per user without gaps; written with what they report."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import JSON, ForeignKey, String, delete, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from omcrm.extensions import db
from omcrm.storage.insert import insert_into
from omcrm.storage.types import UtcDateTime

# The newest events of a user that are kept; older ones are deleted as new ones are written.
MOST_KEPT = 1_000
_PRUNE_EVERY = 100
_QUEUED = "omcrm.user_events"


class UserEventCounter(db.Model):  # type: ignore[name-defined, misc]
    """The number of one user's last event."""

    __tablename__ = "user_event_counters"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    last_number: Mapped[int]


class UserEventRow(db.Model):  # type: ignore[name-defined, misc]
    """One event; `code` says what happened, `details` are the figures and names of its sentence."""

    __tablename__ = "user_events"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    code: Mapped[str] = mapped_column(String(40))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)


class UserEvent(Struct, frozen=True):
    """An event to a user; `number` rises by one with each of the user's events."""

    user_id: int
    number: int
    at: datetime
    code: str
    details: Mapping[str, Any]


def add(user_id: int, code: str, at: datetime, **details: Any) -> None:
    """Add an event to the open transaction, which numbers it at its end."""
    queued = db.session().info.setdefault(_QUEUED, [])
    queued.append({"user_id": user_id, "code": str(code), "at": at, "details": details})


def write_queued(session: Session) -> set[int]:
    """Number and insert the events of the open transaction; returns their users.

    The last writes of a transaction, in the order of the users: a counter is locked from here until
    the commit, so that numbers are committed in their order, and no two transactions can wait for
    each other.
    """
    queued = session.info.pop(_QUEUED, [])
    users = sorted({row["user_id"] for row in queued})
    for user_id in users:
        rows = [row for row in queued if row["user_id"] == user_id]
        last = _advance(session, user_id, len(rows))
        numbers = range(last - len(rows) + 1, last + 1)
        numbered = [{**row, "number": number} for row, number in zip(rows, numbers, strict=True)]
        session.execute(insert(UserEventRow), numbered)
        if any(number % _PRUNE_EVERY == 0 for number in numbers):
            session.execute(
                delete(UserEventRow).where(
                    UserEventRow.user_id == user_id, UserEventRow.number <= last - MOST_KEPT
                )
            )
    return set(users)


def drop_queued(session: Session) -> None:
    """Drop the events of a transaction that is rolled back."""
    session.info.pop(_QUEUED, None)


def _advance(session: Session, user_id: int, by: int) -> int:
    """Raise the user's counter, and lock it until the end of the transaction."""
    row = insert_into(UserEventCounter).values(user_id=user_id, last_number=by)
    raised = {"last_number": UserEventCounter.last_number + by}
    statement = row.on_conflict_do_update(index_elements=["user_id"], set_=raised)
    return int(session.scalar(statement.returning(UserEventCounter.last_number)) or 0)


def last_numbers(user_ids: Collection[int]) -> dict[int, int]:
    """The number of the last event of each of these users who has any."""
    wanted = UserEventCounter.user_id.in_(user_ids)
    rows = db.session.execute(
        select(UserEventCounter.user_id, UserEventCounter.last_number).where(wanted)
    )
    return {row.user_id: row.last_number for row in rows}


def first_since(user_ids: Collection[int], at: datetime) -> dict[int, int]:
    """The number of the first event since then of each of these users who has one."""
    first = func.min(UserEventRow.number).label("first")
    rows = db.session.execute(
        select(UserEventRow.user_id, first)
        .where(UserEventRow.user_id.in_(user_ids), UserEventRow.at >= at)
        .group_by(UserEventRow.user_id)
    )
    return {row.user_id: row.first for row in rows}


def events_after(user_id: int, number: int, most: int) -> list[UserEvent]:
    """The user's events with a higher number, in order; those that were pruned are missing."""
    rows = db.session.scalars(
        select(UserEventRow)
        .where(UserEventRow.user_id == user_id, UserEventRow.number > number)
        .order_by(UserEventRow.number)
        .limit(most)
    )
    return [UserEvent(row.user_id, row.number, row.at, row.code, row.details) for row in rows]
