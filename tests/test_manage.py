import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from manage import COMMANDS, main
from omcrm.settings import example
from tests.processes import PASSWORD, ROOT


def manage(
    instance: Path, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command on an instance, as an operator does."""
    own = {"OMCRM_INSTANCE": str(instance), "OMCRM_DEMO": "", "DATABASE_URL": "", **(env or {})}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **own},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance that has been set up, with one account."""
    folder = tmp_path_factory.mktemp("managed") / "instance"
    assert 0 == manage(folder, "setup").returncode
    assert 0 == create(folder, "taken@example.com").returncode
    return folder


def create(
    instance: Path, email: str, role: str = "client", password: str = PASSWORD
) -> "subprocess.CompletedProcess[str]":
    """Create an account."""
    return manage(
        instance,
        *("create-user", "--email", email, "--role", role, "--password-stdin"),
        stdin=f"{password}\n",
    )


def test_the_documented_commands_exist() -> None:
    """Scripts use their names."""
    assert {"run", "setup", "exchange", "create-user", "env-example"} <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_help_text(name: str) -> None:
    """It can be imported, and has its listed name and a description."""
    command = main.get_command(click.Context(main), name)
    result = CliRunner().invoke(main, [name, "--help"])

    assert name == command.name
    assert 0 == result.exit_code
    assert len(command.help) > 15
    assert command.help.split()[:5] == result.output.partition("\n\n")[2].split()[:5]


def test_help_lists_every_command() -> None:
    """With a line for each."""
    output = CliRunner().invoke(main, ["--help"]).output
    listed = [line.split()[0] for line in output.partition("Commands:")[2].strip().splitlines()]

    assert sorted(COMMANDS) == sorted(listed)


def test_importing_imports_none_of_them() -> None:
    """A command loads its own module only: the exchange starts without Flask."""
    program = (
        "import sys, click\n"
        "import manage\n"
        "manage.main.get_command(click.Context(manage.main), 'exchange')\n"
        "print(sorted({'flask', 'eventlet', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert "[]\n" == done.stdout, done.stderr


@pytest.mark.parametrize("arguments", [["fly"], ["run", "--fast"], ["create-user"], ["exchange-"]])
def test_wrong_arguments_exit_with_2(instance: Path, arguments: list[str]) -> None:
    """The message names the argument, without a traceback."""
    done = manage(instance, *arguments)

    assert 2 == done.returncode
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("role", ["client", "staff", "admin"])
def test_creates_an_account(instance: Path, role: str) -> None:
    """The password is read from stdin, and not printed."""
    done = create(instance, f"New-{role}@Example.com", role)

    assert (0, f"Created {role} new-{role}@example.com.\n", "") == (
        done.returncode,
        done.stdout,
        done.stderr,
    )


@pytest.mark.parametrize(
    ("email", "role", "password", "status", "named"),
    [
        ("nobody", "client", PASSWORD, 2, "--email"),
        ("a@b@example.com", "client", PASSWORD, 2, "--email"),
        ("new@example.com", "king", PASSWORD, 2, "--role"),
        ("new@example.com", "client", "short", 2, "password"),
        ("new@example.com", "client", "", 2, "password"),
        ("Taken@example.com", "client", PASSWORD, 1, "taken@example.com has an account already"),
    ],
    ids=["no-email", "two-at", "no-role", "short", "empty", "taken"],
)
def test_a_refused_account(
    instance: Path, email: str, role: str, password: str, status: int, named: str
) -> None:
    """The message has the reason in one sentence."""
    done = create(instance, email, role, password)

    assert status == done.returncode
    assert "" == done.stdout
    assert named in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_env_example_prints_the_settings(tmp_path: Path) -> None:
    """Every setting with its default, whatever is set here; nothing is created."""
    done = manage(tmp_path / "none", "env-example", env={"PORT": "1", "OMCRM_DEMO": "true"})

    assert (0, example()) == (done.returncode, done.stdout)
    assert [] == list(tmp_path.iterdir())


def test_setup_names_a_bad_setting(tmp_path: Path) -> None:
    """An unknown setting ends it with 2 and its name."""
    done = manage(tmp_path / "none", "setup", env={"OMCRM_DEMMO": "true"})

    assert 2 == done.returncode
    assert "OMCRM_DEMMO" in done.stderr
    assert "Traceback" not in done.stderr
