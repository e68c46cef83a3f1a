import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from omcrm import concurrency
from omcrm.concurrency import MODES, active_mode, run_in_native_thread, wished_mode
from tests.processes import ROOT, Process, wait_for

# Ticks in a thread of the mode while a native one is busy without giving way.
PROGRAM = """
import json, os, sys
from omcrm import concurrency
concurrency.patch(sys.argv[1])
import threading, time
from omcrm.concurrency import active_mode, run_in_native_thread

def busy(seconds):
    import eventlet.patcher
    native = eventlet.patcher.original("time")
    if active_mode() == "gevent":
        from gevent.monkey import get_original
        get_original("time", "sleep")(seconds)
    else:
        native.sleep(seconds)
    return "done"

def fail():
    raise ValueError("inside")

ticks, over = [], threading.Event()
def tick():
    while not over.is_set():
        ticks.append(1)
        time.sleep(0.005)

ticker = threading.Thread(target=tick)
ticker.start()
before = len(ticks)
result = run_in_native_thread(busy, 0.3)
after = len(ticks)
over.set()
ticker.join()
try:
    run_in_native_thread(fail)
except ValueError as error:
    failure = str(error)
print(json.dumps({
    "mode": active_mode(),
    "result": result,
    "ticked": after > before + 1,
    "failure": failure,
    "psycopg": os.environ["PSYCOPG_WAIT_FUNC"],
}))
"""


def run(program: str, *arguments: str, env: Mapping[str, str] | None = None) -> Any:
    """What a program that begins from nothing prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_patched_for_is_what_is_active(mode: str) -> None:
    """In each mode the work of a native thread stops nobody, and its result and error come back."""
    assert {
        "mode": mode,
        "result": "done",
        "ticked": True,
        "failure": "inside",
        "psycopg": "wait_selector",
    } == run(PROGRAM, mode)


def test_without_a_patch_it_is_plain_threads() -> None:
    """Where nobody patched anything, as under gunicorn's threads, the work is done at once."""
    assert "threading" == active_mode()
    assert 3 == run_in_native_thread(int, "3")


def test_reads_the_wish_without_importing_anything() -> None:
    """Before the patch nothing is imported that would have to be patched."""
    program = """
import json, sys
before = set(sys.modules)
from omcrm import concurrency
concurrency.wished_mode()
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(new & {"flask", "socket", "threading", "ssl", "dotenv", "logging"})))
"""

    assert [] == run(program)


@pytest.mark.parametrize("mode", MODES)
def test_the_environment_says_which(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """A variable of the environment is what counts."""
    monkeypatch.setenv("OMCRM_ASYNC", mode)

    assert mode == wished_mode()


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("OMCRM_ASYNC=gevent", "gevent"),
        ("OMCRM_ASYNC = 'threading'", "threading"),
        ('PORT=1\nOMCRM_ASYNC="gevent"\n', "gevent"),
        ("# OMCRM_ASYNC=gevent", "eventlet"),
        ("PORT=1", "eventlet"),
        ("", "eventlet"),
    ],
)
def test_the_file_says_which_where_the_environment_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, mode: str
) -> None:
    """The installation's `.env` is read by hand, and eventlet is the default."""
    (tmp_path / "omcrm").mkdir()
    (tmp_path / ".env").write_text(line)
    monkeypatch.delenv("OMCRM_ASYNC", raising=False)
    monkeypatch.setattr(concurrency, "__file__", str(tmp_path / "omcrm" / "concurrency.py"))

    assert mode == wished_mode()


IN_THE_MIDDLE = """
import signal, time, weakref
from omcrm.concurrency import end_on

end_on(signal.SIGTERM)

class Thing:
    pass

def gone(reference):
    print("in the middle", flush=True)
    time.sleep(60)

thing = Thing()
reference = weakref.ref(thing, gone)
del thing
print("after it", flush=True)
time.sleep(60)
"""


def test_an_end_in_the_middle_of_a_finaliser_is_an_end(tmp_path: Path) -> None:
    """Python lets nothing out of there: what came then is heard soon afterwards."""
    command = [sys.executable, "-c", IN_THE_MIDDLE]
    with Process(command, {}, tmp_path / "log") as process:
        wait_for(lambda: "in the middle" in process.output(), 10)
        process.stop()

    assert 0 == process.process.returncode
    assert "in the middle\nafter it\n" == process.output()
