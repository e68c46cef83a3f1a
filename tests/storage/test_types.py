from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, select, text
from sqlalchemy.exc import StatementError

from omcrm.storage.types import ExactDecimal, UtcDateTime

table = Table(
    "kept",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("number", ExactDecimal),
    Column("moment", UtcDateTime),
)


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A database in memory with one table."""
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        table.create(connection)
        yield connection
    engine.dispose()


def kept(connection: Connection, **values: Any) -> Any:
    """Store a value and read it back."""
    connection.execute(table.insert().values(**values))
    (name,) = values
    return connection.scalar(select(table.c[name]))


@pytest.mark.parametrize(
    "number",
    [
        "98765432.1234567891",
        "0.00000001",
        "1E-8",
        "1E+12",
        "0",
        "-1.50",
        "123456789012345678901234567890.123456789012345678901234567890",
    ],
)
def test_a_decimal_keeps_every_digit(connection: Connection, number: str) -> None:
    """Also where SQLite's own numbers would be rounded."""
    assert Decimal(number) == kept(connection, number=Decimal(number))


def test_a_decimal_is_stored_as_plain_text(connection: Connection) -> None:
    """The column has plain digits, without an exponent."""
    kept(connection, number=Decimal("1E-8"))

    assert "0.00000001" == connection.scalar(text("SELECT number FROM kept"))


@pytest.mark.parametrize("name", ["number", "moment"])
def test_none_stays_none(connection: Connection, name: str) -> None:
    """NULL is read as None."""
    assert None is kept(connection, **{name: None})


def test_a_time_comes_back_in_utc(connection: Connection) -> None:
    """From any time zone it is the same time, to the microsecond."""
    new_york = datetime(2026, 3, 4, 10, 0, 0, 123_456, timezone(timedelta(hours=-5)))
    back = kept(connection, moment=new_york)

    assert new_york == back
    assert UTC is back.tzinfo


def test_a_time_without_a_zone_is_refused(connection: Connection) -> None:
    """Its zone is not guessed."""
    with pytest.raises(StatementError, match="a time without a zone"):
        kept(connection, moment=datetime(2026, 3, 4, 12, 0))


def test_times_are_compared_across_zones(connection: Connection) -> None:
    """A time of another zone matches the same time stored in UTC."""
    noon = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    kept(connection, moment=noon)
    tokyo = noon.astimezone(timezone(timedelta(hours=9)))

    assert 1 == len(connection.execute(select(table).where(table.c.moment == tokyo)).all())
    assert [] == connection.execute(select(table).where(table.c.moment < tokyo)).all()
