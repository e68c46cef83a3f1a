"""The rows of a table, with values that are the same on SQLite as on PostgreSQL, and their
checksum."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Insert,
    String,
    Table,
    TableClause,
    Text,
    cast,
    column,
    func,
    insert,
    select,
    table,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from omcrm.storage.types import UtcDateTime

Row = tuple[Any, ...]

# Read and written at once.
_ROWS = 2_000
_MODULUS = 1 << 128


class TableRows:
    """One table as rows that can be copied exactly, in the order of its primary key.

    Texts, decimals and JSON are copied as the text that is stored, times as UTC.
    """

    def __init__(self, model: Table, dialect: str) -> None:
        self.name = model.name
        self.columns = [column.name for column in model.columns]
        self._table = _shadow(model, dialect)
        keys = list(model.primary_key.columns) or list(model.columns)
        self._order = [self._table.c[key.name] for key in keys]

    @property
    def insert(self) -> Insert:
        """Inserts rows, each a dict by column."""
        return insert(self._table)

    def count(self, connection: Connection) -> int:
        """How many rows there are."""
        return int(connection.scalar(select(func.count()).select_from(self._table)) or 0)

    def batches(self, connection: Connection) -> Iterator[Sequence[Row]]:
        """All rows, some thousand at a time."""
        query = select(self._table).order_by(*self._order)
        rows = connection.execution_options(stream_results=True).execute(query)
        while batch := rows.fetchmany(_ROWS):
            yield [tuple(row) for row in batch]


class Checksum:
    """A number of rows and a sum over them, whatever their order; two equal rows count twice."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0
        self._encode = msgspec.msgpack.Encoder().encode

    def add(self, rows: Sequence[Row]) -> None:
        """Count these rows."""
        for row in rows:
            digest = blake2b(self._encode(row), digest_size=16).digest()
            self._sum += int.from_bytes(digest, "big")
        self.rows += len(rows)
        self._sum %= _MODULUS

    @property
    def text(self) -> str:
        """The sum as 32 hexadecimal digits."""
        return f"{self._sum:032x}"


class _JsonText(TypeDecorator[str]):
    """PostgreSQL's JSON as the text that is stored: NULL stays NULL, and no number is rounded."""

    impl = Text
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(column, Text)

    def bind_expression(self, bindparam: Any) -> ColumnElement[Any]:
        return cast(bindparam, JSON)


def _shadow(model: Table, dialect: str) -> TableClause:
    return table(
        model.name, *(column(item.name, _transferred(item.type, dialect)) for item in model.columns)
    )


def _transferred(kind: TypeEngine[Any], dialect: str) -> TypeEngine[Any]:
    """The type with which a column is read and written, instead of the model's."""
    stored = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    if isinstance(stored, JSON):
        return _JsonText() if dialect == "postgresql" else Text()
    if isinstance(stored, String):
        return String()
    if isinstance(stored, DateTime):
        return UtcDateTime()
    if isinstance(stored, Date):
        return Date()
    return stored
