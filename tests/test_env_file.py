"""The settings that are read before the threads are patched are those that `load` reads."""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm import settings
from omcrm.concurrency import MODES
from omcrm.env_file import configured_mode, early_text
from omcrm.errors import SettingError
from omcrm.settings import Settings, load
from tests.processes import PATIENCE, ROOT, Process
from tests.test_concurrency import run

# What `run.py` and gunicorn.conf.py read early, with its attribute and valid texts.
EARLY = {
    "OMCRM_ASYNC": ("async_mode", MODES),
    "HOST": ("host", ("127.0.0.1", "0.0.0.0", "desk.example.com", "::1")),
    "PORT": ("port", ("0", "80", "8080")),
    "LOG_LEVEL": ("log_level", ("DEBUG", "INFO", "ERROR")),
}
DEFAULTS = {name: str(getattr(load({}), attribute)) for name, (attribute, _) in EARLY.items()}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An installation of its own, without the environment's settings."""
    root = tmp_path_factory.mktemp("root")
    (root / "instance").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "ROOT", root)
        for name in ("OMCRM_INSTANCE", *EARLY):
            patch.delenv(name, raising=False)
        yield root


def write(root: Path, content: str, file: str = ".env") -> None:
    for name in (".env", "instance/omcrm.env"):
        (root / name).unlink(missing_ok=True)
    (root / file).write_bytes(content.encode())


def early(root: Path) -> dict[str, str]:
    """What is read before the patch."""
    return {name: early_text(name, default, root) for name, default in DEFAULTS.items()}


def late(loaded: Settings) -> dict[str, str]:
    """The same of the settings."""
    return {name: str(getattr(loaded, attribute)) for name, (attribute, _) in EARLY.items()}


# Every spelling of a file

SPACES = st.sampled_from(["", " ", "  ", "\t"])
QUOTES = st.sampled_from(["", "'", '"'])
COMMENTS = st.sampled_from(["", " # a comment", "\t#", ' # it\'s = "quoted"', " "])
OTHER_LINES = st.sampled_from(["", "# PORT=1", "#", "  # OMCRM_ASYNC=threading"])


@st.composite
def assignments(draw: st.DrawFn) -> str:
    """A line that sets a setting."""
    name = draw(st.sampled_from(sorted(EARLY)))
    quote = draw(QUOTES)
    return "".join(
        [
            draw(SPACES),
            draw(st.sampled_from(["", "export ", "export\t"])),
            name,
            draw(SPACES),
            "=",
            draw(SPACES),
            f"{quote}{draw(st.sampled_from(EARLY[name][1]))}{quote}",
            draw(COMMENTS),
        ]
    )


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file of such lines, as editors of all systems write it."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = draw(st.lists(assignments() | OTHER_LINES, max_size=6))
    return (
        draw(st.sampled_from(["", "\ufeff"])) + end.join(lines) + draw(st.sampled_from(["", end]))
    )


@st.composite
def environments(draw: st.DrawFn) -> dict[str, str]:
    """Variables of the environment, some with spaces around their values."""
    names = draw(st.sets(st.sampled_from(sorted(EARLY)), max_size=2))
    return {
        name: draw(SPACES) + draw(st.sampled_from(EARLY[name][1])) + draw(SPACES)
        for name in sorted(names)
    }


@given(files(), environments(), st.sampled_from([".env", "instance/omcrm.env"]))
def test_it_reads_what_the_settings_read(
    root: Path, content: str, environ: Mapping[str, str], file: str
) -> None:
    """However a line is written, in whichever file, and with the environment over it."""
    write(root, content, file)
    with pytest.MonkeyPatch.context() as patch:
        for name, text in environ.items():
            patch.setenv(name, text)

        assert late(load()) == early(root)
        assert load().async_mode == configured_mode(root)


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        ("OMCRM_ASYNC=gevent", "gevent"),
        ("OMCRM_ASYNC=gevent # comment", "gevent"),
        ("export OMCRM_ASYNC=gevent", "gevent"),
        ("OMCRM_ASYNC = 'threading'", "threading"),
        ('PORT=1\nOMCRM_ASYNC="gevent"  # comment\n', "gevent"),
        ("\ufeffOMCRM_ASYNC=gevent\r\nPORT=1\r\n", "gevent"),
        ("OMCRM_ASYNC=gevent\nOMCRM_ASYNC=threading\n", "threading"),
        ("OMCRM_ASYNC=${PORT:-gevent}", "gevent"),
        ("# OMCRM_ASYNC=gevent", "eventlet"),
        ("PORT=1", "eventlet"),
        ("", "eventlet"),
    ],
)
@pytest.mark.parametrize("file", [".env", "instance/omcrm.env"])
def test_the_mode_of_the_file(root: Path, file: str, content: str, mode: str) -> None:
    """Without the variable the files decide, and eventlet is the default."""
    write(root, content, file)

    assert mode == configured_mode(root) == load().async_mode


@pytest.mark.parametrize("mode", MODES)
def test_the_mode_of_the_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """A variable of the environment is over the files."""
    write(root, "OMCRM_ASYNC=asyncio")
    monkeypatch.setenv("OMCRM_ASYNC", mode)

    assert mode == configured_mode(root)


def test_the_named_instance_has_the_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OMCRM_INSTANCE says which folder's file is read, in the environment or in `.env`."""
    (root / "second").mkdir(exist_ok=True)
    (root / "second" / "omcrm.env").write_text("OMCRM_ASYNC=gevent\n")
    write(root, "OMCRM_INSTANCE=second\n")
    by_file = configured_mode(root)
    write(root, "")
    monkeypatch.setenv("OMCRM_INSTANCE", "second")

    assert "gevent" == by_file == configured_mode(root) == load().async_mode


@pytest.mark.parametrize("content", ["OMCRM_ASYNC=asyncio", "OMCRM_ASYNC=", "OMCRM_ASYNC"])
def test_another_mode_is_refused_as_by_the_settings(root: Path, content: str) -> None:
    """By its name, with the values there are."""
    write(root, content)
    with pytest.raises(SettingError) as refused:
        configured_mode(root)
    with pytest.raises(SettingError) as refused_late:
        load()

    assert "setting OMCRM_ASYNC: expected one of eventlet, gevent, threading" == str(refused.value)
    assert str(refused.value) == str(refused_late.value)


def test_gunicorn_refuses_another_mode(tmp_path: Path) -> None:
    """In one line, without a traceback, and before anything listens."""
    command = [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:0", "wsgi:app"]
    with Process(command, {"OMCRM_ASYNC": "asyncio"}, tmp_path / "refused.log") as process:
        status = process.process.wait(PATIENCE)

        assert (1, "setting OMCRM_ASYNC: expected one of eventlet, gevent, threading\n") == (
            status,
            process.output(),
        )


def test_gunicorn_has_the_defaults_of_the_settings() -> None:
    """It reads its own before they can be imported."""
    config = (ROOT / "gunicorn.conf.py").read_text()

    assert {name: DEFAULTS[name] for name in ("HOST", "PORT", "LOG_LEVEL")} == dict(
        re.findall(r"_text\('(\w+)', '([^']*)'\)", config.replace('"', "'"))
    )


# Before the patch

IMPORTED = """
import json, sys
before = set(sys.modules)
from omcrm.env_file import configured_mode
configured_mode()
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""
RENEWED = """
import json, sys
from omcrm import concurrency
from omcrm.env_file import configured_mode
configured_mode()
concurrency.patch(sys.argv[1])
import logging, threading, time

entered = []
def enter():
    with logging.lastResort.lock, logging._lock:
        entered.append(1)

with logging.lastResort.lock, logging._lock:
    other = threading.Thread(target=enter)
    other.start()
    time.sleep(0.05)
    meanwhile = len(entered)
other.join()
print(json.dumps([meanwhile, len(entered)]))
"""


def test_it_imports_nothing_that_would_keep_unpatched_functions() -> None:
    """No sockets, no selectors, no framework."""
    imported = set(run(IMPORTED))

    assert "dotenv" in imported
    assert set() == imported & {
        *("socket", "ssl", "select", "selectors", "signal", "subprocess", "queue", "concurrent"),
        *("asyncio", "http", "flask", "sqlalchemy", "click", "eventlet", "gevent", "werkzeug"),
    }


@pytest.mark.parametrize("mode", MODES)
def test_locks_made_before_the_patch_are_renewed(mode: str) -> None:
    """A green thread waits for the log's lock that another one holds."""
    assert [0, 1] == run(RENEWED, mode)
