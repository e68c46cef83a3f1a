"""Creating, keeping and migrating an installation.

Long for a reason: it covers every state of an installation that may exist already.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import func, select

from omcrm import create_app
from omcrm.auth.service import attempt_login
from omcrm.extensions import db
from omcrm.installation import DemoLogin, env_example, prepare, setup
from omcrm.settings import example, load
from omcrm.storage.instrument import active_instruments
from omcrm.storage.user import Role, User
from tests.processes import PATIENCE, ROOT, UPGRADE, App, Browser

Make = Callable[..., Flask]

NOTHING_SET = dict.fromkeys(
    ("DATABASE_URL", "SECRET_KEY", "PUBLIC_URL", "BINANCE_WS_URL", "OMCRM_EXCHANGE_URL"), ""
) | {"REALTIME_SOURCES": "binance"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the instance, which does not exist yet."""
    return tmp_path / "new" / "instance"


@pytest.fixture
def make(folder: Path) -> Iterator[Make]:
    """Makes the app of the instance."""
    apps = []

    def make(demo: bool = True, **environ: str) -> Flask:
        environ = {"OMCRM_INSTANCE": str(folder), "OMCRM_DEMO": str(demo), **environ}
        apps.append(create_app(load(NOTHING_SET | environ)))
        return apps[-1]

    yield make
    for app in apps:
        with app.app_context():
            db.engine.dispose()


def mode(path: Path) -> int:
    """The permissions of a file."""
    return path.stat().st_mode & 0o777


def role(app: Flask, login: DemoLogin) -> Role | None:
    """The role of the account with this login; None where it is refused."""
    with app.app_context():
        user = attempt_login(login.email, login.password, None, datetime.now(UTC))
        return user.role if isinstance(user, User) else None


def accounts(app: Flask) -> int:
    """How many accounts there are."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(User))


# The demonstration's accounts


def test_secrets_are_private(make: Make, folder: Path) -> None:
    """With any umask, other users can read neither the folder nor the secrets in it."""
    before = os.umask(0)
    try:
        prepare(make())
    finally:
        os.umask(before)

    assert 0o700 == mode(folder)
    assert {0o600} == {mode(folder / name) for name in ("secret_key", "demo_logins")}
    assert 64 <= len((folder / "secret_key").read_text())


def test_a_demo_gets_a_client_and_an_admin(make: Make) -> None:
    """Their passwords are generated, differ, and are valid."""
    app = make()
    client, admin = prepare(app)

    assert ("client", "admin") == (client.role, admin.role)
    assert client.password != admin.password
    assert 16 <= min(len(client.password), len(admin.password))
    assert (Role.CLIENT, Role.ADMIN) == (role(app, client), role(app, admin))


def test_every_installation_gets_its_own_passwords(make: Make, tmp_path: Path) -> None:
    """Passwords of one installation are not valid for another."""
    one, other = (
        {login.password for login in prepare(make(OMCRM_INSTANCE=str(tmp_path / name)))}
        for name in ("one", "other")
    )

    assert set() == one & other


def test_nothing_is_made_twice(make: Make, folder: Path) -> None:
    """The second start shows the same logins and creates no others; the key stays, too."""
    first = prepare(make())
    key = (folder / "secret_key").read_text()
    app = make()

    assert first == prepare(app)
    assert 2 == accounts(app)
    assert key == (folder / "secret_key").read_text() == app.config["SECRET_KEY"]
    assert Role.ADMIN is role(app, first[1])


def test_without_the_demo_there_are_no_accounts(make: Make, folder: Path) -> None:
    """A real installation starts with its instruments only."""
    app = make(demo=False)

    assert [] == prepare(app)
    assert 0 == accounts(app)
    assert not (folder / "demo_logins").exists()
    with app.app_context():
        assert 24 == len(active_instruments())


def test_an_existing_account_is_not_changed(make: Make) -> None:
    """Where the address has an account already, no invalid password is shown."""
    app = make(demo=False)
    prepare(app)
    with app.app_context():
        db.session.add(
            User(
                email="admin@example.com",
                password_hash="",
                role=Role.ADMIN,
                created_at=datetime.now(UTC),
            )
        )
        db.session.commit()

    assert ["client"] == [login.role for login in prepare(make())]


def test_a_new_database_gets_the_accounts_too(make: Make, folder: Path) -> None:
    """With the database deleted and the folder kept, the shown logins are valid again."""
    logins = prepare(make())
    for file in folder.glob("omcrm.db*"):
        file.unlink()
    app = make()

    assert logins == prepare(app)
    assert [Role.CLIENT, Role.ADMIN] == [role(app, login) for login in logins]


def test_an_interrupted_start_is_completed(
    make: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended after the first account, the next start creates the second, and both logins work."""
    made = []

    def make_one(*arguments: object) -> None:
        if made:
            raise KeyboardInterrupt
        made.append(create_user(*arguments))

    with monkeypatch.context() as patched:
        from omcrm.auth.service import create_user

        patched.setattr("omcrm.auth.service.create_user", make_one)
        with pytest.raises(KeyboardInterrupt):
            prepare(make())
    app = make()

    assert [Role.CLIENT, Role.ADMIN] == [role(app, login) for login in prepare(app)]


# Starts on a line of input, then prints the logins that it would show.
PREPARE = """
import sys
from omcrm import create_app
from omcrm.installation import prepare
app = create_app()
print("ready", flush=True)
sys.stdin.readline()
print(*(f"{login.email} {login.password}" for login in prepare(app)))
"""


def test_two_can_start_together(folder: Path) -> None:
    """Two first starts at the same time create the same two accounts."""
    environ = {**os.environ, **NOTHING_SET, "OMCRM_INSTANCE": str(folder), "OMCRM_DEMO": "true"}
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", PREPARE],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert ["ready\n"] * 3 == [start.stdout.readline() for start in starts]
    for start in starts:
        start.stdin.write("go\n")
        start.stdin.flush()
    shown = [start.communicate(timeout=PATIENCE)[0] for start in starts]

    assert [0, 0, 0] == [start.returncode for start in starts]
    assert 1 == len(set(shown))
    assert 4 == len(shown[0].split())


# The commands


def run_setup(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    """Set up an instance by the command."""
    for name, text in {**NOTHING_SET, "OMCRM_INSTANCE": str(folder)}.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("OMCRM_DEMO", raising=False)
    return CliRunner().invoke(setup, arguments, catch_exceptions=False)


def test_setup_prepares_an_installation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key and database, and nothing of a demonstration."""
    result = run_setup(folder, monkeypatch)

    assert (0, f"Ready: {folder}\n") == (result.exit_code, result.output)
    assert {"secret_key", "omcrm.db"} <= {path.name for path in folder.iterdir()}
    assert not load({"OMCRM_INSTANCE": str(folder)}).demo


def test_setup_makes_a_demonstration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file in the instance folder makes every later start a demonstration."""
    result = run_setup(folder, monkeypatch, "--demo")

    assert 0 == result.exit_code
    assert "OMCRM_DEMO=true\n" == (folder / "omcrm.env").read_text()
    assert 0o600 == mode(folder / "omcrm.env")
    assert load({"OMCRM_INSTANCE": str(folder)}).demo
    assert 2 == len((folder / "demo_logins").read_text().splitlines())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("PORT=5001", "PORT=5001\nOMCRM_DEMO=true\n"),
        ("PORT=5001\n", "PORT=5001\nOMCRM_DEMO=true\n"),
        ("OMCRM_DEMO=false\n", "OMCRM_DEMO=false\n"),
    ],
)
def test_setup_keeps_settings(
    folder: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    """Settings in the instance's file stay."""
    folder.mkdir(parents=True)
    (folder / "omcrm.env").write_text(before)
    result = run_setup(folder, monkeypatch, "--demo")

    assert 0 == result.exit_code
    assert after == (folder / "omcrm.env").read_text()


def test_setup_names_a_bad_setting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that does not exist ends it with 2 and its name."""
    monkeypatch.setenv("OMCRM_DEMMO", "true")
    result = run_setup(folder, monkeypatch)

    assert 2 == result.exit_code
    assert "OMCRM_DEMMO" in result.output
    assert not folder.exists()


def test_setup_of_a_half_done_copy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not migrated; the message says what to do."""
    run_setup(folder, monkeypatch)
    with closing(sqlite3.connect(folder / "omcrm.db")) as database:
        database.execute("CREATE TABLE unfinished_copy (source)")
    result = run_setup(folder, monkeypatch)

    assert 1 == result.exit_code
    assert "give the command copy-database again" in result.output


def test_env_example_prints_the_settings() -> None:
    """Every setting with its default."""
    assert example() == CliRunner().invoke(env_example).output


# The way without make: migrate, then run


class Migrated(App):
    """The app on a database that the operator's command created."""

    def upgrade(self) -> None:
        self.run(*UPGRADE)


@pytest.mark.parametrize("more", [{}, {"SECRET_KEY": "a key of the operator's own choice"}])
def test_an_empty_instance_can_be_migrated_and_run(
    folder: Path, tmp_path: Path, more: Mapping[str, str]
) -> None:
    """`flask db upgrade` and `run.py` need nothing but the instance's folder."""
    environ = {"OMCRM_INSTANCE": str(folder), "OMCRM_DEMO": "", "DATABASE_URL": "", **more}
    with Migrated(tmp_path, environ) as app:
        app.create_user("trader@example.com")

        assert 200 == app.log_in("trader@example.com").get("/webtrader/dashboard").status_code
        assert 200 == Browser(app.base).get("/readyz").status_code
    assert 0o700 == mode(folder)
    assert (not more) == (folder / "secret_key").exists()
