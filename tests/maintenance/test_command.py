"""The commands, as an operator gives them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from omcrm.maintenance.command import backup, copy_database, restore
from omcrm.maintenance.database_app import OpenDatabase
from tests.maintenance.filled import content

pytestmark = pytest.mark.outside

MakeFilled = Callable[[str], OpenDatabase]
Open = Callable[[str], OpenDatabase]
NewUrl = Callable[[str], str]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Gives a command on an installation with this database."""

    def run(command: object, *arguments: object, own: str = "") -> Result:
        monkeypatch.setenv("OMCRM_INSTANCE", str(tmp_path / "instance"))
        monkeypatch.setenv("DATABASE_URL", own)
        texts = [str(argument) for argument in arguments]
        return CliRunner().invoke(command, texts, catch_exceptions=False)

    return run


def url_of(database: OpenDatabase) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def test_copying_prints_each_table(
    filled: MakeFilled, new_url: NewUrl, run: Run, kind: str
) -> None:
    """With rows and checksum; one of the two may be the installation's own."""
    source, target = filled("sqlite"), new_url(kind)
    done = run(copy_database, "--from", source.engine.url, own=target)

    assert 0 == done.exit_code, done.output
    for name, (rows, checksum) in content(source).items():
        assert [name, str(rows), "rows", checksum] in [
            line.split() for line in done.output.splitlines()
        ]
    assert "both databases are equal" in done.output


@pytest.mark.parametrize("arguments", [[], ["--to", "nonsense"], ["--from", "sqlite:////nowhere"]])
def test_wrong_arguments_of_a_copy(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    """One sentence; no file comes into being."""
    done = run(copy_database, *arguments, own=f"sqlite:///{tmp_path}/own.db")

    assert 0 != done.exit_code
    assert "Error: " in done.output
    assert [] == list(tmp_path.glob("own*"))


def test_a_password_in_the_arguments_is_warned_of(run: Run) -> None:
    """The warning does not repeat it."""
    url = "postgresql://u:secret-one@127.0.0.1:1/none"
    done = run(copy_database, "--from", url, own="sqlite:////nowhere/a.db")

    assert 1 == done.exit_code
    assert "PGPASSWORD" in done.output
    assert "cannot use the database" in done.output
    assert "secret-one" not in done.output


def test_backup_and_restore(
    filled: MakeFilled, opened: Open, new_url: NewUrl, run: Run, kind: str, tmp_path: Path
) -> None:
    """Both name the file and its revision."""
    database, target = filled(kind), new_url(kind)
    made = run(backup, tmp_path / "backup", own=url_of(database))
    refused = run(restore, tmp_path / "backup", own=url_of(database))
    restored = run(restore, tmp_path / "backup", own=target)

    assert 0 == made.exit_code, made.output
    assert made.output.startswith(f"{tmp_path / 'backup'}: ")
    assert 1 == refused.exit_code
    assert "--replace" in refused.output
    assert 0 == restored.exit_code, restored.output
    assert content(database) == content(opened(target))


def test_there_is_nothing_to_back_up(run: Run, tmp_path: Path) -> None:
    """No empty database is made in the place of a missing one."""
    done = run(backup, tmp_path / "backup", own=f"sqlite:///{tmp_path}/own.db")

    assert 1 == done.exit_code
    assert "there is no database" in done.output
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_restore_into_a_half_done_copy_needs_replace(
    filled: MakeFilled, run: Run, tmp_path: Path
) -> None:
    """And ends the copy: the restored database has no mark of it."""
    database = filled("sqlite")
    run(backup, tmp_path / "backup", own=url_of(database))
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE unfinished_copy (a INTEGER)"))
        connection.execute(text("INSERT INTO unfinished_copy VALUES (1)"))
    refused = run(restore, tmp_path / "backup", own=url_of(database))
    done = run(restore, tmp_path / "backup", "--replace", own=url_of(database))

    assert (1, 0) == (refused.exit_code, done.exit_code)
