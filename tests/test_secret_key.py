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


def test_a_key_is_created_once_and_is_private() -> None:
    """The first start creates it, later ones read it, and other users cannot."""
    settings = load({})
    key = secret_key(settings)
    file = settings.instance_path / "secret_key"

    assert len(key) >= 48
    assert key == secret_key(settings)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert 0o700 == stat.S_IMODE(file.parent.stat().st_mode)


def test_two_installations_have_different_keys() -> None:
    """No key is built in."""
    first, second = (load({"OMCRM_INSTANCE": name}) for name in ("first", "second"))

    assert secret_key(first) != secret_key(second)


def test_a_set_key_is_used() -> None:
    """No file is written then."""
    settings = load({"SECRET_KEY": GOOD})

    assert GOOD == secret_key(settings)
    assert not settings.instance_path.exists()


def test_processes_that_start_together_agree(restless: None) -> None:
    """Of many first starts one creates the key, and all use it."""
    settings, keys = load({}), []
    threads = [threading.Thread(target=lambda: keys.append(secret_key(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 8 == len(keys)
    assert 1 == len(set(keys))
    assert keys[0]


def test_an_empty_key_file_is_no_key() -> None:
    """No sessions are signed with an empty key."""
    settings = load({})
    settings.instance_path.mkdir()
    (settings.instance_path / "secret_key").touch(0o600)
    try:
        key = secret_key(settings)
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
    """The message has the setting and the remedy, and not the key."""
    with pytest.raises(SettingError) as refused:
        secret_key(load({"SECRET_KEY": key}))
    message = str(refused.value)

    assert message.startswith("setting SECRET_KEY: ")
    assert "python -c 'import secrets; print(secrets.token_urlsafe(48))'" in message
    assert "Everybody has to log in once more; nothing else is lost." in message
    assert len(key) < 8 or key not in message


@pytest.mark.parametrize("make", [secrets.token_urlsafe, secrets.token_hex, secrets.token_bytes])
def test_random_keys_are_strong(make: Callable[[int], str | bytes]) -> None:
    """Every random key is accepted, in any encoding."""
    keys = [make(24) for _ in range(500)]
    texts = [key if isinstance(key, str) else base64.b32encode(key).decode() for key in keys]

    assert {None} == {weakness(text) for text in texts}
    assert None is weakness(GOOD)


def test_a_shortened_key_file_stops_the_start() -> None:
    """The instance's own key is checked, too, and its file is named."""
    settings = load({})
    secret_key(settings)
    (settings.instance_path / "secret_key").write_text("dev\n")

    with pytest.raises(SettingError, match=r"secret_key: the key has fewer than 32 .*: delete it"):
        secret_key(settings)


def test_an_upgrade_with_a_weak_key(tmp_path: Path) -> None:
    """The command prints how to replace the key, without a traceback."""
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
