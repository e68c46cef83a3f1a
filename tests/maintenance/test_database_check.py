import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from omcrm.maintenance.database_app import OpenDatabase
from omcrm.maintenance.database_check import check_database
from omcrm.maintenance.finding import Condition, Finding
from omcrm.maintenance.revision import own_revision
from omcrm.settings import load
from omcrm.storage import unfinished_copy
from tests.storage.postgresql_server import PostgresqlServer, program

pytestmark = pytest.mark.outside

MakeFilled = Callable[[str], OpenDatabase]


def findings(url: str, instance: Path) -> dict[str, Finding]:
    """The findings by their parts."""
    settings = load({"OMCRM_INSTANCE": str(instance), "DATABASE_URL": url})
    return {finding.part: finding for finding in check_database(settings)}


def url_of(database: OpenDatabase) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def test_a_database_that_is_well(filled: MakeFilled, kind: str, tmp_path: Path) -> None:
    """Every part of it."""
    parts = findings(url_of(filled(kind)), tmp_path)

    assert {Condition.OK} == {finding.condition for finding in parts.values()}
    assert own_revision() == parts["revision"].text
    more = (
        {"database connections", "clock (database)", "pg_dump"} if kind == "postgresql" else set()
    )
    assert {"database", "revision"} | more == parts.keys()


def test_nothing_is_changed(filled: MakeFilled, tmp_path: Path) -> None:
    """Neither the file, nor a file beside it, nor a folder."""
    database = filled("sqlite")
    database.engine.dispose()
    path = Path(str(database.engine.url.database))
    before = {name: (name.stat().st_mtime_ns, name.stat().st_size) for name in tmp_path.iterdir()}
    assert before.keys() >= {path}
    findings(url_of(database), tmp_path / "nowhere")
    findings(f"sqlite:///{tmp_path}/missing.db", tmp_path / "nowhere")

    assert before == {
        name: (name.stat().st_mtime_ns, name.stat().st_size) for name in tmp_path.iterdir()
    }


@pytest.mark.parametrize(
    ("revision", "advice"),
    [("0009", "python manage.py setup"), ("9999", "install that version")],
)
def test_another_revision(
    filled: MakeFilled, kind: str, tmp_path: Path, revision: str, advice: str
) -> None:
    """What to do depends on which of both is older."""
    database = filled(kind)
    with database.engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
    finding = findings(url_of(database), tmp_path)["revision"]

    assert Condition.PROBLEM is finding.condition
    assert revision in finding.text
    assert advice in finding.advice


def test_a_half_done_copy(filled: MakeFilled, kind: str, tmp_path: Path) -> None:
    """It is no database to work with."""
    database = filled(kind)
    with database.engine.begin() as connection:
        unfinished_copy.begin_copy(connection, "sqlite:///other.db", "0010")
    finding = findings(url_of(database), tmp_path)["revision"]

    assert Condition.PROBLEM is finding.condition
    assert "copy-database" in finding.advice


def test_no_database(tmp_path: Path) -> None:
    """A missing file, a file of something else, a server that is not there."""
    other = tmp_path / "other.db"
    other.write_text("no database" * 100)
    for url in ("", f"sqlite:///{other}", "postgresql://u:secret-one@127.0.0.1:1/none"):
        finding = findings(url, tmp_path)["database"]
        assert Condition.PROBLEM is finding.condition
        assert finding.advice
        assert "secret-one" not in finding.text
    assert {Condition.SKIPPED} == {
        finding.condition for finding in findings("sqlite://", tmp_path).values()
    }


@pytest.fixture
def small_server() -> Iterator[PostgresqlServer]:
    """A server that accepts few connections."""
    program("initdb")
    server = PostgresqlServer()
    try:
        server.initialize()
        with open(server.data / "postgresql.conf", "a") as file:
            file.write("max_connections = 12\n")
        server.start()
        yield server
    finally:
        server.stop()


def test_a_server_with_few_connections(
    small_server: PostgresqlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process alone could use them up; without pg_dump there is no backup; an empty database is
    set up first."""
    monkeypatch.setattr("omcrm.maintenance.postgresql_program._FOLDERS", str(tmp_path))
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    parts = findings(small_server.url, tmp_path)

    assert Condition.PROBLEM is parts["database connections"].condition
    assert "max_connections" in parts["database connections"].advice
    assert Condition.WARNING is parts["pg_dump"].condition
    assert "postgresql-client" in parts["pg_dump"].advice
    assert "python manage.py setup" in parts["revision"].advice
