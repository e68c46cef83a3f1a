import resource
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from omcrm.maintenance import machine_check
from omcrm.maintenance.finding import Condition, Finding
from omcrm.maintenance.machine_check import check_machine
from omcrm.settings import load

STRONG = "Zq3vX8kL2mN7pR4tY9wB6cD1fG5hJ0sA-uEiOlT_"


def findings(instance: Path, **environ: str) -> dict[str, Finding]:
    """The findings by their parts."""
    own = {"OMCRM_INSTANCE": str(instance), "FEED_STATE_DIR": str(instance / "state")}
    found_by_part = {}
    for finding in check_machine(load({**own, "SECRET_KEY": "", "DATABASE_URL": "", **environ})):
        found_by_part[finding.part] = finding
    return found_by_part


def condition(instance: Path, part: str, **environ: str) -> Condition:
    return findings(instance, **environ)[part].condition


def test_nothing_is_made(tmp_path: Path) -> None:
    """A new installation has no folder yet, and gets none."""
    instance = tmp_path / "new" / "instance"
    parts = findings(instance)

    assert {"secret key", "privacy", "disk (instance)", "state folder"} <= parts.keys()
    assert Condition.PROBLEM not in {
        finding.condition for part, finding in parts.items() if part != "open files"
    }
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("key", "expected"),
    [(STRONG, Condition.OK), ("changeme" * 5, Condition.PROBLEM), ("a few", Condition.PROBLEM)],
)
def test_the_secret_key(tmp_path: Path, key: str, expected: Condition) -> None:
    """In the settings or in its file; it is not shown."""
    assert expected is condition(tmp_path, "secret key", SECRET_KEY=key)
    (tmp_path / "secret_key").write_text(key)
    finding = findings(tmp_path)["secret key"]

    assert expected is finding.condition
    assert key not in finding.text + finding.advice


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOST": "127.0.0.1"}, Condition.OK),
        ({"HOST": "0.0.0.0"}, Condition.WARNING),
        ({"PUBLIC_URL": "http://desk.example.com"}, Condition.WARNING),
        ({"HOST": "0.0.0.0", "PUBLIC_URL": "https://desk.example.com"}, Condition.OK),
    ],
)
def test_the_address(tmp_path: Path, environ: dict[str, str], expected: Condition) -> None:
    """What others can reach should be encrypted, and know its own name."""
    assert expected is condition(tmp_path, "address", **{"PUBLIC_URL": "", **environ})


def test_files_that_others_can_read(tmp_path: Path) -> None:
    """Each is named, with the command that closes it."""
    tmp_path.chmod(0o700)
    (tmp_path / "omcrm.env").write_text("PORT=1")
    (tmp_path / "omcrm.env").chmod(0o644)

    assert f"chmod 600 {tmp_path / 'omcrm.env'}" == findings(tmp_path)["privacy"].advice
    (tmp_path / "omcrm.env").chmod(0o600)
    assert Condition.OK is condition(tmp_path, "privacy")


@pytest.mark.parametrize(
    ("hard", "expected"),
    [
        (512, Condition.PROBLEM),
        (4_096, Condition.WARNING),
        (65_536, Condition.OK),
        (resource.RLIM_INFINITY, Condition.OK),
    ],
)
def test_open_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard: int, expected: Condition
) -> None:
    """Each client needs one; the process raises its limit to the hard one by itself."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, hard))

    assert expected is condition(tmp_path, "open files")


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (50 * 1024**2, Condition.PROBLEM),
        (500 * 1024**2, Condition.WARNING),
        (5 * 1024**3, Condition.OK),
    ],
)
def test_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, expected: Condition
) -> None:
    """The folders that are on one disk are one finding."""
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(free))
    disks = [part for part in findings(tmp_path) if part.startswith("disk")]

    assert ["disk (instance)"] == disks
    assert expected is condition(tmp_path, "disk (instance)")


def test_a_state_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feeds count their calls there."""
    assert Condition.OK is condition(tmp_path, "state folder")
    # Root may write everywhere.
    monkeypatch.setattr(machine_check.os, "access", lambda *_: False)
    assert Condition.PROBLEM is condition(tmp_path, "state folder")
