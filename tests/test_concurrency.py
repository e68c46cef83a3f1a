import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from omcrm.concurrency import MODES, active_mode, run_in_native_thread
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
    """The output of a program in a new process."""
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
def test_the_patched_mode_is_active(mode: str) -> None:
    """In each mode a native thread blocks no other thread, and returns its result or error."""
    assert {
        "mode": mode,
        "result": "done",
        "ticked": True,
        "failure": "inside",
        "psycopg": "wait_selector",
    } == run(PROGRAM, mode)


BESIDE = """
import json, os, sys
from omcrm import concurrency
concurrency.patch(sys.argv[1])
import ctypes, socket
from omcrm.concurrency import start_native_thread

blocked, ours = os.pipe()
reader, writer = socket.socketpair()

def wait(done):
    ctypes.CDLL(None).read(blocked, ctypes.create_string_buffer(1), 1)
    os.close(done)

start_native_thread(wait, writer.detach())
os.write(ours, b"x")
print(json.dumps(reader.recv(1).decode()))
"""


@pytest.mark.parametrize("mode", MODES)
def test_a_native_thread_runs_beside_the_others(mode: str) -> None:
    """It may block, and wakes a waiting thread of the mode by closing a socket's other end."""
    assert "" == run(BESIDE, mode)


def test_without_a_patch_it_is_plain_threads() -> None:
    """Without a patch, as under gunicorn's threads, the function is called directly."""
    assert "threading" == active_mode()
    assert 3 == run_in_native_thread(int, "3")


def test_it_imports_nothing_to_be_patched() -> None:
    """Before the patch no module is imported that would have to be patched."""
    program = """
import json, sys
before = set(sys.modules)
from omcrm import concurrency
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(new & {"flask", "socket", "threading", "ssl", "dotenv", "logging"})))
"""

    assert [] == run(program)


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


def test_a_signal_during_a_finalizer_ends_the_process(tmp_path: Path) -> None:
    """A finalizer swallows exceptions: SystemExit is raised again soon afterwards."""
    command = [sys.executable, "-c", IN_THE_MIDDLE]
    with Process(command, {}, tmp_path / "log") as process:
        wait_for(lambda: "in the middle" in process.output(), 10)
        process.stop()

    assert 0 == process.process.returncode
    assert "in the middle\nafter it\n" == process.output()
