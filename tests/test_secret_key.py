import stat
import threading
from pathlib import Path

import pytest

from omcrm import settings
from omcrm.errors import SettingError
from omcrm.secret_key import secret_key
from omcrm.settings import load


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
    found = load({"SECRET_KEY": "set by hand"})

    assert "set by hand" == secret_key(found)
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
