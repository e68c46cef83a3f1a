from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    text,
)

from omcrm.maintenance.table_rows import Checksum, TableRows
from omcrm.storage.types import ExactDecimal, UtcDateTime

METADATA = MetaData()
MODEL = Table(
    "samples",
    METADATA,
    Column("name", String(20), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("price", ExactDecimal),
    Column("at", UtcDateTime),
    Column("naive", DateTime(timezone=True)),
    Column("day", Date),
    Column("bytes", LargeBinary),
    Column("body", JSON),
)


def test_a_row_is_what_is_stored() -> None:
    """Texts, decimals and JSON as text; times with their zone."""
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    rows = TableRows(MODEL, "sqlite")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO samples VALUES ('a', 1, '1.500', '2026-03-04 12:00:00.000001',"
                " '2026-03-04 12:00:00.000000', '2026-03-04', x'00ff', '{ }')"
            )
        )
        batches = list(rows.batches(connection))
    engine.dispose()
    (((name, number, price, at, naive, day, bytes_, body),),) = batches

    assert ("a", 1, "1.500", b"\0\xff", "{ }") == (name, number, price, bytes_, body)
    assert datetime(2026, 3, 4, 12, 0, 0, 1, tzinfo=UTC) == at
    assert UTC is naive.tzinfo
    assert "2026-03-04" == str(day)


def test_rows_come_in_the_order_of_the_key() -> None:
    """Some thousand at a time, every row once."""
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    rows = TableRows(MODEL, "sqlite")
    values = [{"name": f"{number % 7}", "number": number} for number in range(5_000)]
    with engine.begin() as connection:
        connection.execute(insert(MODEL), values)
        batches = list(rows.batches(connection))
        count = rows.count(connection)
    engine.dispose()
    keys = [row[:2] for batch in batches for row in batch]

    assert 5_000 == count
    assert len(batches) > 2
    assert sorted(keys) == keys
    assert len(set(keys)) == 5_000


def test_a_checksum_does_not_depend_on_the_order() -> None:
    """But on every row, and on how often it is there."""

    def checksum(*rows: tuple[object, ...]) -> tuple[int, str]:
        made = Checksum()
        for row in rows:
            made.add([row])
        return made.rows, made.text

    a, b = ("a", 1, None), ("b", 2, datetime(2026, 3, 4, tzinfo=UTC))

    assert checksum(a, b) == checksum(b, a)
    assert checksum(a, b) != checksum(a, b, b, b)
    assert checksum(a, a) != checksum(b, b)
    assert checksum(("1",)) != checksum((1,))
    assert checksum((None,)) != checksum(("",))
    assert (0, "0" * 32) == checksum()
