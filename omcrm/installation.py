"""Creates a new installation: secrets, database, demo accounts."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from dotenv import dotenv_values
from flask import Flask
from flask_migrate import upgrade
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from omcrm.errors import SettingError
from omcrm.services import services_of
from omcrm.settings import Settings, example, load
from omcrm.storage.health import first_line

_DEMO_LOGINS = "demo_logins"
_ROLES = ("client", "admin")


class DemoLogin(Struct, frozen=True):
    """An account of a demo installation; its password is generated."""

    role: str
    email: str
    password: str


@click.command()
@click.option("--demo", is_flag=True, help="Make it a demonstration installation.")
def setup(demo: bool) -> None:
    """Make the instance folder, the database and, for a demonstration, two accounts."""
    from omcrm import create_app

    try:
        settings = load()
        _make_folder(settings.instance_path)
        if demo:
            _make_demo(settings.instance_path / "omcrm.env")
        app = create_app()
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    try:
        prepare(app)
    except SQLAlchemyError as error:
        raise click.ClickException(f"cannot use the database: {first_line(error)}") from None
    click.echo(f"Ready: {settings.instance_path}")


@click.command("env-example")
def env_example() -> None:
    """Print every setting with its default, as .env.example has it."""
    click.echo(example(), nl=False)


def prepare(app: Flask) -> list[DemoLogin]:
    """Migrate the database; the demo's logins, which are created at the first start."""
    settings = services_of(app).settings
    _make_folder(settings.instance_path)
    with _alone(settings.instance_path), app.app_context():
        upgrade()
        return _demo_logins(settings) if settings.demo else []


def _demo_logins(settings: Settings) -> list[DemoLogin]:
    """The logins in the instance's file; missing accounts are created."""
    from omcrm.auth.service import create_user
    from omcrm.storage.user import Role, find_user

    path = settings.instance_path / _DEMO_LOGINS
    # Stored before the accounts are created: a lost password would be useless.
    if not path.exists():
        emails = {role: f"{role}@example.com" for role in _ROLES}
        made = [
            DemoLogin(role, email, secrets.token_urlsafe(12))
            for role, email in emails.items()
            if find_user(email) is None
        ]
        lines = [f"{login.role} {login.email} {login.password}\n" for login in made]
        _write_secretly(path, "".join(lines))
    logins = [DemoLogin(*line.split()) for line in path.read_text().splitlines()]
    for login in logins:
        if find_user(login.email) is None:
            create_user(login.email, login.password, Role(login.role), datetime.now(UTC))
    return logins


def _make_demo(env_file: Path) -> None:
    if "OMCRM_DEMO" not in dotenv_values(env_file):
        before = env_file.read_text().rstrip("\n") + "\n" if env_file.exists() else ""
        _write_secretly(env_file, f"{before}OMCRM_DEMO=true\n")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Locks the folder: two processes that start together would create everything twice."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_folder(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write_secretly(path: Path, text: str) -> None:
    """Replace a file atomically by one that only its owner can read."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    draft.replace(path)
