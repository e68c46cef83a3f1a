"""The mark of a database that another one is being copied into: a table that only such a database
has. Until the copy is complete, no app may use it."""

import secrets

from msgspec import Struct
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    delete,
    insert,
    inspect,
    select,
    update,
)

NAME = "unfinished_copy"
# Not the models' metadata: a complete database does not have it.
_TABLE = Table(
    NAME,
    MetaData(),
    Column("source", String(500), nullable=False),
    Column("revision", String(64), nullable=False),
    Column("run", String(32), nullable=False),
    Column("is_prepared", Boolean, nullable=False),
)


class UnfinishedCopy(Struct, frozen=True):
    """What is being copied; `is_prepared` once the tables are there and empty."""

    source: str
    revision: str
    is_prepared: bool


def unfinished_copy(connection: Connection) -> UnfinishedCopy | None:
    """What is being copied into this database; None where nothing is."""
    if not inspect(connection).has_table(NAME):
        return None
    row = connection.execute(
        select(_TABLE.c.source, _TABLE.c.revision, _TABLE.c.is_prepared)
    ).first()
    return None if row is None else UnfinishedCopy(*row)


def begin_copy(connection: Connection, source: str, revision: str) -> None:
    """Mark an empty database."""
    _TABLE.create(connection, checkfirst=True)
    connection.execute(delete(_TABLE))
    connection.execute(
        insert(_TABLE).values(source=source, revision=revision, run="", is_prepared=False)
    )


def take_over(connection: Connection) -> str:
    """The token of a new run; an earlier one, should it still work, holds no longer."""
    run = secrets.token_hex(16)
    connection.execute(update(_TABLE).values(run=run))
    return run


def note_prepared(connection: Connection) -> None:
    """Note that the tables are there and empty."""
    connection.execute(update(_TABLE).values(is_prepared=True))


def holds(connection: Connection, run: str) -> bool:
    """Whether this run may write; no other can take over before the transaction ends."""
    # A write, because it locks the row on every database.
    done = connection.execute(update(_TABLE).where(_TABLE.c.run == run).values(run=run))
    return done.rowcount == 1


def end_copy(connection: Connection) -> None:
    """Remove the mark: the copy is complete."""
    _TABLE.drop(connection)
