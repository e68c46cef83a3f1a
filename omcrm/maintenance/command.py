"""The commands that copy, back up and restore a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from omcrm.errors import MaintenanceRefused
from omcrm.maintenance import backup as backups
from omcrm.maintenance.database_app import OpenDatabase, chosen_url, open_database
from omcrm.maintenance.database_copy import copy_database as copy
from omcrm.settings import load
from omcrm.storage.health import first_line

_PLACE = click.Path(path_type=Path)


@click.command("copy-database")
@click.option("--from", "source", metavar="URL", help="The database to read. [default: the own]")
@click.option("--to", "target", metavar="URL", help="An empty database. [default: the own]")
def copy_database(source: str | None, target: str | None) -> None:
    """Copy all tables of one database into another, empty one, SQLite or PostgreSQL.

    Stop OMCRM before. A copy that was ended goes on where it was. One of the two may be left out:
    it is the installation's own (DATABASE_URL). Passwords belong there or into PGPASSWORD.
    """
    if source is None and target is None:
        raise click.UsageError("give --from, --to or both")
    with _refusals():
        for text in (source, target):
            _warn_of_password(text)
        with _database(source) as reading, _database(target) as writing:
            _require_file(reading)
            click.echo(f"from {reading.name}\nto   {writing.name}")
            copies = copy(reading, writing, click.echo)
    for table in copies:
        click.echo(f"{table.name:<24} {table.rows:>10} rows  {table.checksum}")
    click.echo(f"{len(copies)} tables copied and compared: both databases are equal.")


@click.command("backup")
@click.argument("place", metavar="FILE|DIR", type=_PLACE)
def backup(place: Path) -> None:
    """Write the installation's database to a file, while OMCRM runs or not."""
    with _refusals(), _database(None) as database:
        _require_file(database)
        written = backups.back_up(database, place)
    click.echo(f"{written.file}: {written.bytes} bytes, revision {written.revision or 'none'}")


@click.command("restore")
@click.argument("file", type=_PLACE)
@click.option("--replace", is_flag=True, help="Delete all that the database has now.")
def restore(file: Path, replace: bool) -> None:
    """Put a backup into the installation's database. Stop OMCRM before."""
    with _refusals(), _database(None) as database:
        restored = backups.restore(file, database, replace=replace)
    click.echo(f"Restored {restored.file} (revision {restored.revision}) into {database.name}.")


@contextmanager
def _database(text: str | None) -> Iterator[OpenDatabase]:
    settings = load()
    with open_database(chosen_url(text, settings), settings.instance_path) as database:
        yield database


@contextmanager
def _refusals() -> Iterator[None]:
    """Refusals and errors of a database end the command with 1 and one line."""
    try:
        yield
    except MaintenanceRefused as refused:
        raise click.ClickException(f"{refused}.") from None
    except SQLAlchemyError as error:
        raise click.ClickException(f"cannot use the database: {first_line(error)}") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'file'}: {error.strerror}") from None


def _require_file(database: OpenDatabase) -> None:
    # Connecting would create it.
    if database.is_sqlite and not Path(database.engine.url.database or "").is_file():
        raise MaintenanceRefused(f"there is no database {database.name}")


def _warn_of_password(text: str | None) -> None:
    if text is not None and make_url(chosen_url(text, load())).password:
        click.echo(
            "The password can be read in the list of processes: use PGPASSWORD or DATABASE_URL.",
            err=True,
        )
