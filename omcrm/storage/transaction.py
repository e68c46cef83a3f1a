"""The unit of work: what is written together is committed together, and nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from omcrm.extensions import db
from omcrm.services import announce_user_events
from omcrm.storage import user_event

_OPEN = "omcrm.transaction"


@contextmanager
def transaction() -> Iterator[None]:
    """Commit at the end what is written inside, or nothing where it raises; then announce its user
    events.

    What decides about a write is read inside, too: on SQLite no other writer comes in between, on
    PostgreSQL rows are locked as their functions say. Raises RuntimeError inside of another one.
    """
    session = db.session()
    if session.info.get(_OPEN):
        raise RuntimeError("a transaction inside of another one")
    end_read()
    session.info[_OPEN] = True
    try:
        if session.get_bind().dialect.name == "sqlite":
            # Otherwise SQLite refuses a write after a read that another writer has outdated.
            session.execute(text("BEGIN IMMEDIATE"))
        yield
        session.flush()
        users = user_event.write_queued(session)
        session.commit()
    except BaseException:
        user_event.drop_queued(session)
        session.rollback()
        raise
    finally:
        session.info[_OPEN] = False
    if users:
        announce_user_events(users)


def end_read() -> None:
    """End the transaction that reading has opened; unwritten changes are lost."""
    db.session.rollback()
