"""The commands that create and change accounts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from flask_migrate import upgrade

from omcrm.auth import service
from omcrm.errors import AccessRefused
from omcrm.storage.user import Role, User, find_user
from omcrm.wire.error_code import ErrorCode

_FIELDS = {ErrorCode.INVALID_EMAIL: "--email", ErrorCode.INVALID_PASSWORD: "password"}

_email = click.option("--email", required=True, help="The address that names the account.")

_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of stdin."
)


@click.command("create-user")
@_email
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@_password_stdin
def create_user(email: str, role: str, password_stdin: bool) -> None:
    """Make an account that can log in."""
    password = _read_password(password_stdin)
    with _app():
        user = service.create_user(email, password, Role(role), datetime.now(UTC))
        click.echo(f"Created {user.role} {user.email}.")


@click.command("set-password")
@_email
@_password_stdin
def set_password(email: str, password_stdin: bool) -> None:
    """Give an account a new password and end its sessions and API tokens."""
    password = _read_password(password_stdin)
    with _app():
        user = _existing(email)
        service.change_password(user, password, datetime.now(UTC))
        click.echo(f"Changed the password of {user.email}.")


@click.command("disable-user")
@_email
def disable_user(email: str) -> None:
    """Keep an account from logging in and end its sessions and API tokens."""
    _set_active(email, active=False)


@click.command("enable-user")
@_email
def enable_user(email: str) -> None:
    """Let a disabled account log in again."""
    _set_active(email, active=True)


def _set_active(email: str, *, active: bool) -> None:
    with _app():
        user = _existing(email)
        service.set_active(user, active, datetime.now(UTC))
        click.echo(f"{'Enabled' if active else 'Disabled'} {user.email}.")


@contextmanager
def _app() -> Iterator[None]:
    from omcrm import create_app

    with create_app().app_context():
        # Creating an account may be the first command on a new installation.
        upgrade()
        try:
            yield
        except AccessRefused as refused:
            field = _FIELDS.get(refused.code)
            if field is None:
                raise click.ClickException(refused.message) from None
            raise click.BadParameter(refused.message, param_hint=field) from None


def _existing(email: str) -> User:
    user = find_user(email)
    if user is None:
        raise click.ClickException(f"There is no account {email!r}.")
    return user


def _read_password(from_stdin: bool) -> str:
    if not from_stdin:
        return click.prompt("Password", hide_input=True, confirmation_prompt=True)
    line = sys.stdin.buffer.readline()
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.BadParameter("is not UTF-8 text.", param_hint="password") from None
