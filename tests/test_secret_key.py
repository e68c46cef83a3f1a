import base64
import os
import secrets
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from omcrm import settings
from omcrm.errors import SettingError
from omcrm.secret_key import secret_key, weakness
from omcrm.settings import load
from tests.processes import ROOT

GOOD = "Vb3-s8Jw0_qZlT5xN1rKfYdC7mGhPe2u"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own, without any file of settings."""
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    return tmp_path


def test_a_key_is_made_once_and_for_us_alone() -> None:
    """The first start makes it, later ones read it, and nobody else can."""
    found = load({})
    key = secret_key(found)
    file = found.instance_path / "secret_key"

    assert len(key) >= 48
    assert key == secret_key(found)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert 0o700 == stat.S_IMODE(file.parent.stat().st_mode)


def test_two_installations_have_two_keys() -> None:
    """No key is built in."""
    first, second = (load({"OMCRM_INSTANCE": name}) for name in ("first", "second"))

    assert secret_key(first) != secret_key(second)


def test_a_set_key_is_the_key() -> None:
    """Who sets one gets it, and nothing is written."""
    found = load({"SECRET_KEY": GOOD})

    assert GOOD == secret_key(found)
    assert not found.instance_path.exists()


def test_processes_that_start_at_once_agree(restless: None) -> None:
    """Of many first starts one makes the key, and all use it."""
    found, keys = load({}), []
    threads = [threading.Thread(target=lambda: keys.append(secret_key(found))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 8 == len(keys)
    assert 1 == len(set(keys))
    assert keys[0]


def test_a_key_file_that_was_left_empty_is_no_key() -> None:
    """A start that died while it made the key leaves nothing that sessions are signed with."""
    found = load({})
    found.instance_path.mkdir()
    (found.instance_path / "secret_key").touch(0o600)
    try:
        key = secret_key(found)
    except SettingError:
        return

    assert len(key) >= 48


WEAK = {
    "short": ["x", "changeme", "dev", "secret", GOOD[:-1], " " * 5 + GOOD[:-1] + " " * 9],
    "known": [
        "your-secret-key-here-your-own-value-1234",
        "Please-Change-Me-In-Production-9f8a7b6c",
        "change this to something long and random",
        "django-insecure-2f8s9d7f6g5h4j3k2l1m0n9b8v7",
        f"SUPER_SECRET_{GOOD}",
    ],
    "regular": [
        "x" * 64,
        "01" * 32,
        "secret" * 8,
        "0123456789abcdef" * 2,
        "0123456789abcdef" * 2 + "0123",
        "abcdefghijklmnopqrstuvwxyz0123456789",
    ],
}


@pytest.mark.parametrize("key", [key for keys in WEAK.values() for key in keys])
def test_a_key_that_can_be_guessed_stops_the_start(key: str) -> None:
    """The setting is named, and what to do about it; the key itself is not repeated."""
    with pytest.raises(SettingError) as refused:
        secret_key(load({"SECRET_KEY": key}))
    message = str(refused.value)

    assert message.startswith("setting SECRET_KEY: ")
    assert "python -c 'import secrets; print(secrets.token_urlsafe(48))'" in message
    assert "Everybody has to log in once more; nothing else is lost." in message
    assert len(key) < 8 or key not in message


@pytest.mark.parametrize("make", [secrets.token_urlsafe, secrets.token_hex, secrets.token_bytes])
def test_random_keys_are_good(make: Callable[[int], str | bytes]) -> None:
    """Whatever somebody makes at random passes, however it is written."""
    keys = [make(24) for _ in range(500)]
    texts = [key if isinstance(key, str) else base64.b32encode(key).decode() for key in keys]

    assert {None} == {weakness(text) for text in texts}
    assert None is weakness(GOOD)


def test_a_key_file_that_somebody_shortened_stops_the_start() -> None:
    """The instance's own key is looked at too, and its file is named."""
    found = load({})
    secret_key(found)
    (found.instance_path / "secret_key").write_text("dev\n")

    with pytest.raises(SettingError, match=r"secret_key: the key has fewer than 32 .*: delete it"):
        secret_key(found)


def test_a_running_installation_says_how_to_replace_its_key(tmp_path: Path) -> None:
    """Whoever upgrades with a short key is told so by the command, without a traceback."""
    environ = {"OMCRM_INSTANCE": str(tmp_path / "instance"), "SECRET_KEY": "x"}
    done = subprocess.run(
        [sys.executable, "run.py"],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "setting SECRET_KEY: the key has fewer than 32 characters" in done.stderr
    assert "Traceback" not in done.stderr
