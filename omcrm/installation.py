"""Makes a fresh installation: secrets, database, demo accounts."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

import click
from flask import Flask
from msgspec import Struct

from omcrm.settings import ROOT, Settings, example, load

_DEMO_LOGINS = "demo_logins"


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

    settings = load()
    _make_folder(settings.instance_path)
    env_file = settings.instance_path / "omcrm.env"
    if demo and not env_file.exists():
        _write_secretly(env_file, "OMCRM_DEMO=true\n")
    app = create_app()
    prepare(app)
    click.echo(f"Ready: {settings.instance_path}")


@click.command("env-example")
def env_example() -> None:
    """Print every setting with its default, as .env.example has it."""
    click.echo(example(), nl=False)


def prepare(app: Flask) -> list[DemoLogin]:
    """Bring the database up to date; the demo's logins, made if there are none yet."""
    settings: Settings = app.extensions["omcrm.settings"]
    _make_folder(settings.instance_path)
    with app.app_context():
        from flask_migrate import upgrade

        upgrade(directory=str(ROOT / "migrations"))
        return _demo_logins(settings) if settings.demo else []


def _demo_logins(settings: Settings) -> list[DemoLogin]:
    from omcrm.auth.service import create_user
    from omcrm.storage.user import Role, find_user

    path = settings.instance_path / _DEMO_LOGINS
    if not path.exists():
        made = [
            DemoLogin(role, f"{role}@example.com", secrets.token_urlsafe(12))
            for role in ("client", "admin")
        ]
        made = [each for each in made if find_user(each.email) is None]
        for each in made:
            create_user(each.email, each.password, Role(each.role), datetime.now(UTC))
        lines = [f"{each.role} {each.email} {each.password}\n" for each in made]
        _write_secretly(path, "".join(lines))
    return [DemoLogin(*line.split()) for line in path.read_text().splitlines()]


def _make_folder(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write_secretly(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
