import http.client
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm.extensions import db
from omcrm.market.parsing import whole
from tests import processes
from tests.fast import _reaches_out
from tests.processes import ROOT, App, free_port, wait_for


def parses() -> None:
    whole("1")


def waits() -> None:
    wait_for(lambda: True)


def runs() -> None:
    subprocess.run(["true"], check=True)


def runs_in_a_lambda() -> Callable[[], object]:
    return lambda: [runs()]


def asks() -> None:
    http.client.HTTPConnection("127.0.0.1")


def imports() -> None:
    import socket

    socket.socket().close()


def starts(folder: Path) -> None:
    App(folder)


def starts_by_module(folder: Path) -> None:
    processes.App(folder)


def takes_a_port() -> None:
    free_port()


def makes_a_database() -> None:
    db.create_all()


@given(st.integers())
def generated(number: int) -> None:
    runs()


class Listener:
    def listen(self) -> None:
        takes_a_port()


class InnerListener(Listener):
    pass


def listens() -> None:
    InnerListener().listen()


@pytest.mark.parametrize("function", [parses, waits])
def test_what_stays_in_the_process_is_fast(function: Callable[..., object]) -> None:
    """Also where it calls helpers of the tests."""
    assert not _reaches_out(function)


@pytest.mark.parametrize(
    "function",
    [
        *(runs, runs_in_a_lambda, asks, imports, starts, starts_by_module, takes_a_port),
        *(generated, listens, makes_a_database),
    ],
)
def test_what_reaches_out_is_not_fast(function: Callable[..., object]) -> None:
    """By itself, by a helper, or by a method of a class that it uses."""
    assert _reaches_out(function)


HIDDEN = """
import contextlib, importlib, threading
import pytest

def connect():
    with contextlib.closing(importlib.import_module("_socket").SocketType()) as client:
        client.connect(("127.0.0.1", 9))

def test_a_connection():
    connect()

def test_a_swallowed_error():
    with pytest.raises(AssertionError):
        connect()

@pytest.mark.filterwarnings("ignore")
def test_a_thread():
    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()

def test_a_process():
    importlib.import_module("subprocess").run(["true"])

@pytest.mark.outside
def test_a_marked_one():
    connect()

def test_neither():
    pass
"""


def test_a_fast_test_that_reaches_out_fails(tmp_path: Path) -> None:
    """In a run of the fast tests, also where it is hidden, swallowed or in a thread."""
    (tmp_path / "test_hidden.py").write_text(HIDDEN)
    options = ["-m", "fast", "-p", "tests.conftest", "-p", "no:cacheprovider", "--no-header"]
    place = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *place],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    results = set(re.findall(r"^(FAILED|ERROR) \S+::test_(\w+)", done.stdout, re.MULTILINE))

    # What was refused in the test itself is reported for its end, too.
    assert {
        ("FAILED", "a_connection"),
        ("ERROR", "a_connection"),
        ("ERROR", "a_swallowed_error"),
        ("ERROR", "a_thread"),
        ("FAILED", "a_process"),
        ("ERROR", "a_process"),
    } == results, done.stdout + done.stderr
    assert "1 deselected" in done.stdout
