"""Rows of every kind of value, and what a database has."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, inspect, text

from omcrm.extensions import db
from omcrm.maintenance.database_app import OpenDatabase
from omcrm.maintenance.table_rows import Checksum, TableRows
from omcrm.storage.audit import AuditEntry
from omcrm.storage.feed_event import FeedEventRow
from omcrm.storage.login_session import LoginSession
from omcrm.storage.portfolio import HoldingRow, PortfolioRow
from omcrm.storage.user import User
from omcrm.storage.user_event import UserEventRow

NOW = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)


def fill(database: OpenDatabase, events: int = 20) -> None:
    """Write rows to many tables: exact decimals, JSON, NULL, times, texts of every script."""
    users = [
        {
            "email": f"trader-{number}@example.com",
            "password_hash": "no hash, and secret",
            "role": "admin" if number == 1 else "client",
            "active": number != 2,
            "created_at": NOW + timedelta(microseconds=number),
        }
        for number in range(1, 6)
    ]
    with database.engine.begin() as connection:
        connection.execute(insert(User.__table__), users)
        connection.execute(
            insert(LoginSession.__table__),
            [
                {
                    "token_hash": f"{number:064x}",
                    "user_id": 1,
                    "created_at": NOW,
                    "expires_at": NOW,
                    "revoked_at": None if number % 2 else NOW,
                    "user_agent": "Żółw 🐢 “quoted” \\ \n",
                    "remote_addr": "192.0.2.1",
                }
                for number in (7, 3, 5)
            ],
        )
        connection.execute(
            insert(PortfolioRow.__table__),
            {"id": 9, "user_id": 1, "name": "Growth", "created_at": NOW, "updated_at": NOW}
            | {"version": 1},
        )
        connection.execute(
            insert(HoldingRow.__table__),
            {"portfolio_id": 9, "instrument_id": 1}
            | {"quantity": _decimal("123456789.123456789012345678"), "average_cost": _decimal("0")},
        )
        connection.execute(
            insert(UserEventRow.__table__),
            [
                {"user_id": 1, "number": number, "at": NOW, "code": "OTHER"}
                | {"details": {"price": 0.1, "ü": [number, None, True]}}
                for number in range(1, 4)
            ],
        )
    add_events(database, 1, events)
    with database.engine.begin() as connection:
        # What SQLAlchemy would not write: SQL's NULL beside JSON's null.
        connection.execute(text("UPDATE feed_events SET figures = NULL WHERE id = 1"))
        connection.execute(text("UPDATE feed_events SET figures = 'null' WHERE id = 2"))
        connection.execute(
            text("UPDATE feed_events SET figures = '{\"a\":  1.10000000000000000001}' WHERE id = 3")
        )


def add_events(database: OpenDatabase, first: int, count: int) -> None:
    """Write so many events of the feeds, with these numbers."""
    rows = [
        {
            "id": number,
            "at": NOW + timedelta(seconds=number),
            "kind": "state",
            "source": "binance",
            "before": None,
            "symbols": ["BTC", "ETH"],
            "reason": f"reason {number}",
            "silent_ms": number,
            "code": None,
            "figures": {"seconds": number / 7},
        }
        for number in range(first, first + count)
    ]
    with database.engine.begin() as connection:
        connection.execute(insert(FeedEventRow.__table__), rows)


def content(database: OpenDatabase) -> dict[str, tuple[int, str]]:
    """The number of rows and the checksum of each table."""
    contents = {}
    with database.engine.connect() as connection:
        for table in db.metadata.sorted_tables:
            checksum = Checksum()
            for batch in TableRows(table, connection.dialect.name).batches(connection):
                checksum.add(batch)
            contents[table.name] = (checksum.rows, checksum.text)
    return contents


def tables(database: OpenDatabase) -> set[str]:
    """The names of all tables."""
    with database.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def audit(database: OpenDatabase, action: str) -> int:
    """Write an entry of the audit log; its number."""
    row: dict[str, Any] = {"at": NOW, "action": action, "detail": "", "remote_addr": ""}
    with database.engine.begin() as connection:
        done = connection.execute(insert(AuditEntry.__table__).returning(AuditEntry.id), row)
        return int(done.scalar_one())


def _decimal(text: str) -> Any:
    from decimal import Decimal

    return Decimal(text)
