"""The migrations, from an empty database and from filled ones of older versions.

Long for a reason: each step that changes rows has its own filled database.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import flask_migrate
import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import inspect, select, text

from omcrm import create_app
from omcrm.auth.service import attempt_login, create_user
from omcrm.extensions import db
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.feed_event import FeedCode, FeedEvent, FeedEventKind, FeedFigures
from omcrm.market.feed_sentence import event_sentence
from omcrm.settings import load
from omcrm.storage import engine_lease, feed_event
from omcrm.storage.audit import AuditEntry, record
from omcrm.storage.instrument import active_instruments, all_instruments
from omcrm.storage.portfolio import PortfolioRow
from omcrm.storage.transaction import transaction
from omcrm.storage.user import Role, find_user
from tests.processes import PATIENCE, ROOT
from tests.storage.postgresql_server import new_database, postgresql

__all__ = ["postgresql"]

FOLDER = str(ROOT / "migrations")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Flask]:
    """An installation whose database does not exist yet."""
    app = create_app(load({"OMCRM_INSTANCE": str(tmp_path / "instance"), "DATABASE_URL": ""}))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names())


def test_they_create_the_tables_of_the_models(fresh: Flask) -> None:
    """After all of them the tables are those of the models, with their indexes."""
    flask_migrate.upgrade(directory=FOLDER)
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert [] == compare_metadata(context, db.metadata)
    assert db.metadata.tables.keys() | {"alembic_version"} == tables()


def test_they_insert_the_catalogue(fresh: Flask) -> None:
    """A new installation has the twenty-four instruments, exactly as in the code."""
    flask_migrate.upgrade(directory=FOLDER)
    instruments = active_instruments()

    assert list(range(1, 25)) == [instrument.id for instrument in instruments]
    assert list(CATALOGUE) == [
        msgspec.structs.replace(instrument, id=0) for instrument in instruments
    ]


def test_they_can_be_downgraded_and_upgraded_again(fresh: Flask) -> None:
    """A full downgrade leaves nothing, and an upgrade from there works."""
    flask_migrate.upgrade(directory=FOLDER)
    flask_migrate.downgrade(directory=FOLDER, revision="base")
    left = tables()
    flask_migrate.upgrade(directory=FOLDER)

    assert {"alembic_version"} == left
    assert len(CATALOGUE) == len(active_instruments())


def test_they_have_one_head() -> None:
    """`upgrade` needs exactly one last migration."""
    assert 1 == len(ScriptDirectory(FOLDER).get_heads())


@pytest.mark.parametrize(
    "path", sorted((ROOT / "migrations").rglob("*.py")), ids=lambda path: path.stem
)
def test_they_import_nothing_of_ours(path: Path) -> None:
    """What a migration wrote is history, and no later change of the code changes it."""
    modules = {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
        )
    }

    assert modules
    assert set() == {name.partition(".")[0] for name in modules} & {"omcrm", "simulator"}


def test_upgrading_twice_changes_nothing(fresh: Flask) -> None:
    """Every start runs them."""
    flask_migrate.upgrade(directory=FOLDER)
    before = active_instruments()
    flask_migrate.upgrade(directory=FOLDER)

    assert before == active_instruments()


def test_an_installation_of_the_previous_version_is_upgraded(fresh: Flask) -> None:
    """Accounts and logins are kept, failures are not."""
    flask_migrate.upgrade(directory=FOLDER, revision="0006")
    now = datetime.now(UTC)
    user = create_user("trader@example.com", "long enough", Role.CLIENT, now)
    record("login", now, user_id=user.id, remote_addr="192.0.2.1")
    db.session.execute(
        text("INSERT INTO login_failures VALUES (:key, 9, :at)"), {"key": "0" * 64, "at": now}
    )
    db.session.commit()
    db.session.remove()
    flask_migrate.upgrade(directory=FOLDER)
    outcome = attempt_login("trader@example.com", "long enough", "192.0.2.2", now)

    assert "trader@example.com" == outcome.email
    assert ["192.0.2.1", "192.0.2.2"] == [
        entry.remote_addr for entry in db.session.scalars(select(AuditEntry))
    ]

    flask_migrate.downgrade(directory=FOLDER, revision="0006")
    flask_migrate.upgrade(directory=FOLDER)
    assert find_user("trader@example.com")


# An installation before instruments had what orders need

_HELD = (
    "INSERT INTO holdings (portfolio_id, instrument_id, quantity, average_cost)"
    " SELECT portfolios.id, instruments.id, '2', '1' FROM portfolios, instruments"
)
_ADDED = (
    "INSERT INTO instruments (symbol, name, asset_class, decimals, provider_symbols, active)"
    " VALUES (:symbol, 'Added', :asset_class, :decimals, :names, false)"
)


def fill_before_terms() -> None:
    """The database of version 0007, with instruments that an admin added and that are held."""
    flask_migrate.upgrade(directory=FOLDER, revision="0007")
    user = create_user("holder@example.com", "long enough", Role.CLIENT, datetime.now(UTC))
    added = [
        ("PEPE", "crypto", 10, "{}"),
        ("BRK.B", "stock", 0, "{}"),
        ("YEN", "forex", 3, '{"frankfurter": "USDJPY"}'),
        ("XAU", "forex", 2, '{"simulated": "xauusd"}'),
    ]
    for symbol, asset_class, decimals, names in added:
        values = {"symbol": symbol, "asset_class": asset_class, "decimals": decimals}
        db.session.execute(text(_ADDED), {**values, "names": names})
    now = datetime.now(UTC)
    db.session.add(PortfolioRow(user_id=user.id, name="Growth", created_at=now, updated_at=now))
    db.session.flush()
    db.session.execute(text(_HELD))
    db.session.commit()
    db.session.remove()


def check_terms() -> None:
    """Every instrument has what orders need, and nothing else has changed."""
    rows = {row.symbol: row.instrument() for row in all_instruments()}
    terms = {
        symbol: (
            str(rows[symbol].currency),
            rows[symbol].calendar.value,
            rows[symbol].storage_scale,
            *(
                f"{number:f}"
                for number in (
                    rows[symbol].price_step,
                    rows[symbol].quantity_step,
                    rows[symbol].minimum_quantity,
                    rows[symbol].maximum_quantity,
                )
            ),
        )
        for symbol in ("PEPE", "BRK.B", "YEN", "XAU")
    }

    assert list(CATALOGUE) == [
        msgspec.structs.replace(rows[instrument.symbol], id=0) for instrument in CATALOGUE
    ]
    assert {
        "PEPE": ("USD", "always", 10, "0.0000000001", "0.00001", "0.00001", "1000000"),
        "BRK.B": ("USD", "XNYS", 8, "1", "1", "1", "100000"),
        "YEN": ("JPY", "forex", 8, "0.001", "1000", "1000", "10000000"),
        "XAU": ("None", "forex", 8, "0.01", "1000", "1000", "10000000"),
    } == terms
    assert len(CATALOGUE) + 4 == db.session.scalar(text("SELECT count(*) FROM holdings"))


def test_instruments_get_what_orders_need(fresh: Flask) -> None:
    """Those of the catalogue and those that were added, by their class; holdings stay."""
    fill_before_terms()
    flask_migrate.upgrade(directory=FOLDER)
    check_terms()
    db.session.remove()
    flask_migrate.downgrade(directory=FOLDER, revision="0007")
    flask_migrate.upgrade(directory=FOLDER)
    check_terms()


# An installation before the events of the feeds had codes

_SENTENCES = ["waiting: refused with 429: limited", "jump: price 3; kraken says 1", ""]
_EVENT = (
    "INSERT INTO feed_events (at, kind, source, symbols, reason)"
    " VALUES (:at, 'state', 'binance', '[]', :reason)"
)


def fill_before_codes() -> None:
    """The database of version 0009, with events of the feeds."""
    flask_migrate.upgrade(directory=FOLDER, revision="0009")
    for reason in _SENTENCES:
        db.session.execute(text(_EVENT), {"at": datetime.now(UTC), "reason": reason})
    db.session.commit()
    db.session.remove()


def check_codes() -> None:
    """Old events keep their sentences; new ones are stored beside them."""
    old = feed_event.recent(100)[::-1]
    feed_event.add(
        [
            FeedEvent(
                at=old[0].at,
                kind=FeedEventKind.STATE,
                source="binance",
                code=FeedCode.TIMED_OUT,
                figures=FeedFigures(state="waiting"),
            )
        ]
    )
    db.session.commit()
    (new, *_) = feed_event.recent(100)

    assert [(None, FeedFigures(), reason) for reason in _SENTENCES] == [
        (event.code, event.figures, event_sentence(event)) for event in old
    ]
    assert (FeedCode.TIMED_OUT, "waiting: timed out") == (new.code, event_sentence(new))


def test_events_of_the_feeds_keep_their_sentences(fresh: Flask) -> None:
    """Also where the version before ran again meanwhile: then the new ones have their code."""
    fill_before_codes()
    flask_migrate.upgrade(directory=FOLDER)
    check_codes()
    db.session.remove()
    flask_migrate.downgrade(directory=FOLDER, revision="0009")
    flask_migrate.upgrade(directory=FOLDER)

    assert [*_SENTENCES, "timed_out"] == [
        event_sentence(event) for event in reversed(feed_event.recent(100))
    ]


# Starts on a line of input, migrates, then prints its own revision.
UPGRADE_ON_DEMAND = """
import sys
import flask_migrate
from omcrm import create_app
with create_app().app_context():
    print("ready", flush=True)
    sys.stdin.readline()
    flask_migrate.upgrade()
    print("migrated", flush=True)
"""


class Migrating:
    """A process that migrates when it is let."""

    def __init__(self, instance: Path, url: str) -> None:
        environ = {**os.environ, "OMCRM_INSTANCE": str(instance), "DATABASE_URL": url}
        self.process = subprocess.Popen(
            [sys.executable, "-c", UPGRADE_ON_DEMAND],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def is_ready(self) -> bool:
        return self.process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def has_migrated(self) -> bool:
        output = self.process.communicate(timeout=PATIENCE)[0]
        return (0, "migrated\n") == (self.process.returncode, output)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_several_may_migrate_at_once(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """One does it, the others wait for it."""
    url = f"sqlite:///{tmp_path}/shared.db"
    if kind == "postgresql":
        url = new_database(request.getfixturevalue("postgresql"))
    processes = [Migrating(tmp_path / f"{number}", url) for number in range(3)]
    assert all(process.is_ready() for process in processes)
    for process in processes:
        process.begin()

    assert [True] * 3 == [process.has_migrated() for process in processes]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_process_waits_for_a_migration(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """It takes longer than any request may."""
    url = f"sqlite:///{tmp_path}/shared.db"
    if kind == "postgresql":
        url = new_database(request.getfixturevalue("postgresql"))
    app = create_app(load({"OMCRM_INSTANCE": str(tmp_path / "own"), "DATABASE_URL": url}))
    with app.app_context():
        flask_migrate.upgrade(directory=FOLDER, revision="0009")
        db.session.remove()
        waiting = Migrating(tmp_path / "other", url)
        assert waiting.is_ready()
        with db.engine.connect() as connection:
            if kind == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({0x6F6D63726D})"))
            waiting.begin()
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.process.wait(8)
            connection.rollback()
        assert waiting.has_migrated()
        with db.engine.connect() as connection:
            assert "0010" <= connection.scalar(text("SELECT version_num FROM alembic_version"))
        db.engine.dispose()


def test_a_migration_leaves_no_connection_without_limits(tmp_path: Path, postgresql: str) -> None:
    """The process that migrates may serve requests afterwards."""
    url = new_database(postgresql)
    app = create_app(load({"OMCRM_INSTANCE": str(tmp_path), "DATABASE_URL": url}))
    with app.app_context():
        flask_migrate.upgrade(directory=FOLDER)
        with db.engine.connect() as connection:
            assert 6.0 == connection.connection.driver_connection.answer_timeout
            assert "5s" == connection.scalar(text("SHOW statement_timeout"))
        db.engine.dispose()


# An installation before several processes could share its feeds


def check_lease() -> None:
    """Nobody has the lease; the first one takes it."""
    with transaction():
        taken = [engine_lease.take("a host", 60, 0) for _ in range(2)]

    assert [1, None] == taken


def test_the_lease_of_the_engine_is_free(fresh: Flask) -> None:
    """What the version before had stored stays."""
    flask_migrate.upgrade(directory=FOLDER, revision="0010")
    db.session.execute(text(_EVENT), {"at": datetime.now(UTC), "reason": "a sentence"})
    db.session.commit()
    flask_migrate.upgrade(directory=FOLDER)
    check_lease()
    db.session.remove()
    flask_migrate.downgrade(directory=FOLDER, revision="0010")
    flask_migrate.upgrade(directory=FOLDER)
    check_lease()

    assert ["a sentence"] == [event_sentence(event) for event in feed_event.recent(10)]
