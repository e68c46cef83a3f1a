"""The command, as an operator and as a program give it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from omcrm.maintenance.database_app import OpenDatabase
from omcrm.maintenance.doctor import doctor

pytestmark = pytest.mark.outside

KEY = "Zq3vX8kL2mN7pR4tY9wB6cD1fG5hJ0sA-uEiOlT_"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Gives the command on an installation with these settings."""

    def run(*arguments: str, **environ: str) -> Result:
        own = {"OMCRM_INSTANCE": str(tmp_path), "SECRET_KEY": KEY, "PUBLIC_URL": ""}
        own |= {"FEED_STATE_DIR": str(tmp_path), "HOST": "127.0.0.1"}
        for name, value in {**own, **environ}.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(doctor, ["--offline", *arguments], catch_exceptions=False)

    return run


def test_a_healthy_installation(
    filled: Callable[[str], OpenDatabase], kind: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    """It exits with 0, and a program can read the same; no secret is in it."""
    tmp_path.chmod(0o700)
    url = filled(kind).engine.url.render_as_string(hide_password=False)
    done, answered = run(DATABASE_URL=url), run("--json", DATABASE_URL=url)
    answer = json.loads(answered.output)

    assert (0, 0) == (done.exit_code, answered.exit_code), done.output
    assert done.output.endswith("No problems.\n")
    assert answer["ok"]
    parts = [finding["part"] for finding in answer["findings"]]
    assert {"settings", "secret key", "open files", "database", "revision", "bus"} <= set(parts)
    assert {"part", "condition", "text", "advice"} == set(answer["findings"][0])
    assert KEY not in done.output + answered.output


def test_an_installation_with_a_problem(run: Callable[..., Result], tmp_path: Path) -> None:
    """It exits with 1, and says what to do about it."""
    url = f"sqlite:///{tmp_path}/missing.db"
    done, answered = run(DATABASE_URL=url), run("--json", DATABASE_URL=url)

    assert (1, 1) == (done.exit_code, answered.exit_code)
    assert "→ python manage.py setup makes it" in done.output
    assert done.output.endswith("1 problems.\n")
    assert not json.loads(answered.output)["ok"]
    assert [] == list(tmp_path.glob("*.db"))


def test_settings_that_cannot_be_read(run: Callable[..., Result]) -> None:
    """Then nothing else can be checked."""
    done = run(DATABASE_URL="", OMCRM_DEMMO="true")

    assert 1 == done.exit_code
    assert "setting OMCRM_DEMMO: there is no such setting" in done.output
    assert 3 == len(done.output.splitlines())
