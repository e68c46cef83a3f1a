from collections.abc import Callable
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask_migrate import stamp

from omcrm.auth import command
from omcrm.auth.service import LoginRefused, attempt_login
from omcrm.storage.user import Role, User, find_user

EMAIL = "trader@example.com"
PASSWORD = "correct horse"

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the test's app, whose tables are migrated."""
    with app.app_context():
        stamp()
    monkeypatch.setattr("omcrm.create_app", lambda: app, raising=False)

    def invoke(name: click.Command, *args: str, stdin: str | bytes = "") -> Result:
        return CliRunner().invoke(name, args, input=stdin, catch_exceptions=False)

    return invoke


def login(app: Flask, email: str, password: str) -> User | LoginRefused:
    """The result of a login attempt."""
    with app.app_context():
        return attempt_login(email, password, None, datetime.now(UTC))


def test_creates_an_account(app: Flask, run: Run) -> None:
    """The first line of stdin is the password, and the account can log in with it."""
    result = run(
        command.create_user,
        *("--email", "New@Example.com", "--role", "admin", "--password-stdin"),
        stdin="a long password\nsecond line\n",
    )

    assert (0, "Created admin new@example.com.\n") == (result.exit_code, result.output)
    assert isinstance(login(app, "new@example.com", "a long password"), User)
    with app.app_context():
        assert Role.ADMIN is find_user("new@example.com").role


def test_asks_for_the_password_twice(app: Flask, run: Run) -> None:
    """Without the flag the command prompts for the password, hidden, and for its confirmation."""
    result = run(
        command.create_user,
        *("--email", "new@example.com", "--role", "client"),
        stdin="a long password\na long password\n",
    )

    assert 0 == result.exit_code
    assert "a long password" not in result.output
    assert isinstance(login(app, "new@example.com", "a long password"), User)


@pytest.mark.parametrize(
    ("email", "role", "stdin", "field"),
    [
        ("no address", "client", "a long password", "--email"),
        ("new@example.com", "king", "a long password", "--role"),
        ("new@example.com", "client", "short", "password"),
        ("new@example.com", "client", "", "password"),
        ("new@example.com", "client", b"\xff\xfe long enough", "password"),
    ],
)
def test_bad_input_names_the_field(
    app: Flask, run: Run, email: str, role: str, stdin: str | bytes, field: str
) -> None:
    """Bad input ends with 2, names the field, and creates nothing."""
    result = run(
        command.create_user,
        *("--email", email, "--role", role, "--password-stdin"),
        stdin=stdin,
    )

    assert 2 == result.exit_code
    assert field in result.output
    with app.app_context():
        assert None is find_user("new@example.com")


def test_duplicate_is_refused(run: Run) -> None:
    """An address with an account ends with 1."""
    result = run(
        command.create_user,
        *("--email", EMAIL.upper(), "--role", "client", "--password-stdin"),
        stdin="a long password\n",
    )

    assert 1 == result.exit_code
    assert f"{EMAIL} has an account already." in result.output


def test_sets_a_password(app: Flask, run: Run) -> None:
    """The new password is valid, the old one is not."""
    result = run(
        command.set_password, "--email", EMAIL, "--password-stdin", stdin="a long password\n"
    )

    assert 0 == result.exit_code
    assert isinstance(login(app, EMAIL, PASSWORD), LoginRefused)
    assert isinstance(login(app, EMAIL, "a long password"), User)


def test_disables_and_enables(app: Flask, run: Run) -> None:
    """A disabled account cannot log in until it is enabled."""
    assert "Disabled" in run(command.disable_user, "--email", EMAIL).output
    assert isinstance(login(app, EMAIL, PASSWORD), LoginRefused)

    assert "Enabled" in run(command.enable_user, "--email", EMAIL).output
    assert isinstance(login(app, EMAIL, PASSWORD), User)


def test_unknown_account(run: Run) -> None:
    """An address without an account ends with 1."""
    result = run(command.disable_user, "--email", "nobody@example.com")

    assert 1 == result.exit_code
    assert "There is no account 'nobody@example.com'." in result.output
