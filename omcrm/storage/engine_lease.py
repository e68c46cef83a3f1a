"""The lease of the engine: which process may run the feeds, and the number that proves it."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, String, func, literal_column, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from omcrm.errors import LeaseLost
from omcrm.extensions import db
from omcrm.storage.insert import insert_into
from omcrm.storage.types import UtcDateTime

_NAME = "engine"
_LONGEST_HOLDER = 120
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
# A leader that is paused, or waits for a lock, inside of its transaction would keep the row locked,
# and nobody could take the lease: the server ends it.
_BOUNDS = (
    "SET LOCAL idle_in_transaction_session_timeout = '5s'",
    "SET LOCAL lock_timeout = '3s'",
    "SET LOCAL statement_timeout = '5s'",
)


class EngineLeaseRow(db.Model):  # type: ignore[name-defined,misc,unused-ignore]
    """The one row; `until` is by the database's clock, so that no other clock matters."""

    __tablename__ = "engine_lease"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(_LONGEST_HOLDER))
    # Unique, and so a key: whoever changes it waits for those that `require` it, and whoever only
    # renews the lease does not.
    token: Mapped[int] = mapped_column(BigInteger, unique=True)
    until: Mapped[datetime] = mapped_column(UtcDateTime)


def take(holder: str, seconds: float, above: int) -> int | None:
    """Take the lease if it has ended: its new token, which is higher than `above` and than every
    one before; None where another process has it. The caller commits."""
    values = {"name": _NAME, "holder": "", "token": 0, "until": _NEVER}
    first = insert_into(EngineLeaseRow).values(values).on_conflict_do_nothing()
    db.session.execute(first)
    highest = func.greatest if _is_postgresql() else func.max
    taken = (
        update(EngineLeaseRow)
        .where(EngineLeaseRow.name == _NAME, EngineLeaseRow.until < _in(0))
        .values(
            holder=holder[:_LONGEST_HOLDER],
            token=highest(EngineLeaseRow.token, above) + 1,
            until=_in(seconds),
        )
        .returning(EngineLeaseRow.token)
        .execution_options(synchronize_session=False)
    )
    token: int | None = db.session.scalar(taken)
    return token


def renew(token: int, seconds: float) -> bool:
    """Keep the lease; whether it is still the one of this token. The caller commits."""
    return _set_until(token, seconds)


def give_back(token: int) -> bool:
    """End the lease at once; whether it was the one of this token. The caller commits."""
    # A moment ago, so that the next process need not wait.
    return _set_until(token, -1)


def require(token: int) -> None:
    """Raise LeaseLost unless the lease is the one of this token.

    Call it in the transaction that writes: until its end no other process takes the lease.
    """
    if _is_postgresql():
        for bound in _BOUNDS:
            db.session.execute(text(bound))
    held = db.session.scalar(
        select(EngineLeaseRow.token)
        .where(EngineLeaseRow.name == _NAME)
        .with_for_update(read=True, key_share=True)
    )
    if held != token:
        raise LeaseLost(token, held)


def _set_until(token: int, seconds: float) -> bool:
    kept = (
        update(EngineLeaseRow)
        .where(EngineLeaseRow.name == _NAME, EngineLeaseRow.token == token)
        .values(until=_in(seconds))
        .returning(EngineLeaseRow.token)
        .execution_options(synchronize_session=False)
    )
    return db.session.scalar(kept) is not None


def _in(seconds: float) -> Any:
    """So many seconds from now, by the database's clock."""
    if _is_postgresql():
        return literal_column(f"clock_timestamp() + interval '{seconds:.3f} seconds'")
    # As SQLite's times are stored here: text, with six digits after the seconds.
    return literal_column(f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '{seconds:+.3f} seconds')")


def _is_postgresql() -> bool:
    return bool(db.engine.dialect.name == "postgresql")
