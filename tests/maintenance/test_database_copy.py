"""Copying between real databases."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import event, text

from omcrm.errors import MaintenanceRefused
from omcrm.extensions import db
from omcrm.maintenance.database_app import OpenDatabase
from omcrm.maintenance.database_copy import copy_database
from omcrm.storage import unfinished_copy
from tests.maintenance.filled import add_events, audit, content, tables
from tests.processes import PATIENCE, ROOT

pytestmark = pytest.mark.outside

MakeFilled = Callable[[str], OpenDatabase]
Open = Callable[[str], OpenDatabase]
NewUrl = Callable[[str], str]

BOTH_WAYS = [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "sqlite")]


@pytest.mark.parametrize(("from_kind", "to_kind"), BOTH_WAYS)
def test_every_table_is_copied(
    filled: MakeFilled, opened: Open, new_url: NewUrl, from_kind: str, to_kind: str
) -> None:
    """Each value is the same on the other side, and new rows are numbered after the copied ones."""
    source, target = filled(from_kind), opened(new_url(to_kind))
    audit(source, "before")
    copies = copy_database(source, target, lambda _: None)

    assert set(db.metadata.tables) == {table.name for table in copies}
    assert content(source) == content(target)
    assert content(source) == {table.name: (table.rows, table.checksum) for table in copies}
    assert set(db.metadata.tables) | {"alembic_version"} == tables(target)
    assert audit(source, "after") == audit(target, "after")
    with target.engine.connect() as connection:
        nulls = text("SELECT id FROM feed_events WHERE figures IS NULL")
        figures = text("SELECT CAST(figures AS TEXT) FROM feed_events WHERE id = :id")
        assert [1] == list(connection.scalars(nulls))
        assert "null" == connection.scalar(figures, {"id": 2})
        assert '{"a":  1.10000000000000000001}' == connection.scalar(figures, {"id": 3})


def test_a_target_with_tables_is_refused(filled: MakeFilled) -> None:
    """Also where it was only migrated; nothing in it changes."""
    source, target = filled("sqlite"), filled("sqlite")
    before = content(target)

    with pytest.raises(MaintenanceRefused, match="is not empty"):
        copy_database(source, target, lambda _: None)
    assert before == content(target)
    assert unfinished_copy.NAME not in tables(target)


def test_a_database_is_not_copied_into_itself(filled: MakeFilled, opened: Open) -> None:
    """Whatever the user's name in the URL."""
    source = filled("sqlite")

    with pytest.raises(MaintenanceRefused, match="same database"):
        copy_database(source, source, lambda _: None)


@pytest.mark.parametrize(
    ("revision", "problem"),
    [("0009", "manage.py setup"), ("9999", "unknown to this program")],
)
def test_a_source_of_another_revision_is_refused(
    filled: MakeFilled, opened: Open, new_url: NewUrl, revision: str, problem: str
) -> None:
    """The message says what to do, and nothing is written to the target."""
    source, target = filled("sqlite"), opened(new_url("sqlite"))
    with source.engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))

    with pytest.raises(MaintenanceRefused, match=problem):
        copy_database(source, target, lambda _: None)
    assert set() == tables(target)


def test_a_source_without_tables_is_refused(opened: Open, new_url: NewUrl) -> None:
    """An empty file is no installation."""
    source, target = opened(new_url("sqlite")), opened(new_url("sqlite"))

    with pytest.raises(MaintenanceRefused, match="no tables of OMCRM"):
        copy_database(source, target, lambda _: None)


class Ended(Exception):
    """The copy ends here."""


class Statements:
    """Ends a copy after so many statements to its target."""

    def __init__(self, target: OpenDatabase, most: int) -> None:
        self._left = most
        event.listen(target.engine, "before_cursor_execute", self._count)

    def _count(self, *_: object) -> None:
        self._left -= 1
        if self._left < 0:
            raise Ended


@pytest.mark.parametrize("to_kind", ["sqlite", "postgresql"])
def test_an_ended_copy_goes_on(
    filled: MakeFilled, opened: Open, new_url: NewUrl, to_kind: str
) -> None:
    """Whichever statement was the last one: no row is lost, none is there twice."""
    source, url = filled("sqlite"), new_url(to_kind)
    add_events(source, 100, 5_000)
    for limit in itertools.count(3, 23):
        target = opened(url)
        Statements(target, limit)
        with suppress(Ended):
            copy_database(source, target, lambda _: None)
            break

    target = opened(url)
    assert limit > 100
    assert content(source) == content(target)
    assert unfinished_copy.NAME not in tables(target)


def test_a_killed_copy_goes_on(filled: MakeFilled, opened: Open, new_url: NewUrl) -> None:
    """Killed in the middle of its rows, the command is given again."""
    source, url = filled("sqlite"), new_url("postgresql")
    add_events(source, 100, 60_000)
    command = [sys.executable, "manage.py", "copy-database", "--from", source.engine.url]
    command = [*map(str, command), "--to", url]
    target, kills = opened(url), 0
    while True:
        running = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMCRM_INSTANCE": "/nowhere/that/exists"},
        )
        while kills < 2 and running.poll() is None:
            if rows(target) > 20_000 * (kills + 1):
                os.kill(running.pid, signal.SIGKILL)
                kills += 1
                break
        output = running.communicate(timeout=PATIENCE)[0]
        if running.returncode != -signal.SIGKILL:
            break

    assert 0 == running.returncode, output
    assert 2 == kills
    assert "going on" in output
    assert "both databases are equal" in output
    assert content(source) == content(target)


def rows(database: OpenDatabase) -> int:
    """How many events were copied."""
    if "feed_events" not in tables(database):
        return 0
    with database.engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM feed_events")) or 0)


def half_done(source: OpenDatabase, target: OpenDatabase) -> None:
    """Copy until the first rows are there."""

    def after_insert(*arguments: object) -> None:
        if str(arguments[2]).startswith("INSERT INTO users"):
            raise Ended

    event.listen(target.engine, "after_cursor_execute", after_insert)
    with pytest.raises(Ended):
        copy_database(source, target, lambda _: None)
    event.remove(target.engine, "after_cursor_execute", after_insert)


def test_the_copy_of_another_source_is_refused(
    filled: MakeFilled, opened: Open, new_url: NewUrl
) -> None:
    """The rows of two databases are never mixed."""
    target = opened(new_url("sqlite"))
    half_done(filled("sqlite"), target)

    with pytest.raises(MaintenanceRefused, match="half-done copy of"):
        copy_database(filled("sqlite"), target, lambda _: None)


def test_a_source_that_changed_between_two_runs_is_noticed(
    filled: MakeFilled, opened: Open, new_url: NewUrl
) -> None:
    """The copy stays marked as not complete."""
    source, target = filled("sqlite"), opened(new_url("sqlite"))
    half_done(source, target)
    with target.engine.begin() as connection:
        connection.execute(text("UPDATE instruments SET name = 'changed' WHERE id = 1"))

    with pytest.raises(MaintenanceRefused, match="instruments differs"):
        copy_database(source, target, lambda _: None)
    assert unfinished_copy.NAME in tables(target)


@pytest.mark.parametrize("to_kind", ["sqlite", "postgresql"])
def test_of_two_copies_the_earlier_one_ends(
    filled: MakeFilled, opened: Open, new_url: NewUrl, to_kind: str
) -> None:
    """It writes nothing once the later one has begun."""
    source, target = filled("sqlite"), opened(new_url(to_kind))
    add_events(source, 100, 5_000)
    inserts: list[object] = []

    def note_insert(*arguments: object) -> None:
        if str(arguments[2]).startswith("INSERT INTO feed_events"):
            inserts.append(arguments)

    def take_over(_: object) -> None:
        # The next copy begins after the first batch.
        if len(inserts) == 1:
            inserts.append("taken over")
            with later.engine.begin() as connection:
                unfinished_copy.take_over(connection)

    later = opened(str(target.engine.url))
    # The batch's transaction is over when its connection is returned.
    event.listen(target.engine, "after_cursor_execute", note_insert)
    event.listen(target.engine, "checkin", lambda *_: take_over(None))
    with pytest.raises(MaintenanceRefused, match="another copy"):
        copy_database(source, target, lambda _: None)
    copy_database(source, later, lambda _: None)

    assert content(source) == content(later)


def test_a_value_that_does_not_fit_names_its_table_only(
    filled: MakeFilled, opened: Open, new_url: NewUrl
) -> None:
    """SQLite limits no length; the row, which may be secret, is not shown."""
    source, target = filled("sqlite"), opened(new_url("postgresql"))
    with source.engine.begin() as connection:
        connection.execute(
            text("UPDATE users SET password_hash = :long WHERE id = 3"), {"long": "s" * 300}
        )

    with pytest.raises(MaintenanceRefused, match="users cannot be copied") as refusal:
        copy_database(source, target, lambda _: None)
    assert "sss" not in str(refusal.value)


def test_tables_of_others_are_named(filled: MakeFilled, opened: Open, new_url: NewUrl) -> None:
    """They are not copied, and the operator is told."""
    source, target, lines = filled("sqlite"), opened(new_url("sqlite")), []
    with source.engine.begin() as connection:
        connection.execute(text("CREATE TABLE foreign_notes (a INTEGER)"))
    copy_database(source, target, lines.append)

    assert "not copied, for it is no table of OMCRM: foreign_notes" in lines


def test_the_instance_folder_is_of_no_concern(
    filled: MakeFilled, opened: Open, new_url: NewUrl, tmp_path: Path
) -> None:
    """Copying creates no key and no other file."""
    copy_database(filled("sqlite"), opened(new_url("sqlite")), lambda _: None)

    assert not (tmp_path / "instance" / "secret_key").exists()
