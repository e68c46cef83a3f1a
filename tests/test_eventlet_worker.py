import http.client
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.process_table import can_listen, children, is_running, state
from tests.processes import ROOT, Process, free_port, wait_for

# An app that shows what the worker made of its process.
PROBE = """
import os, threading, time
from omcrm.concurrency import active_mode

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fail":
        raise RuntimeError("inside the app")
    if path == "/slow":
        time.sleep(1.5)
    if path == "/sit":
        time.sleep(60)
    if path == "/socket":
        return take_over(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/body":
        return [environ["wsgi.input"].read()[::-1]]
    return [f"{active_mode()} {os.environ['PSYCOPG_WAIT_FUNC']} {os.getpid()}".encode()]

def take_over(environ):
    from eventlet import wsgi
    # As a WebSocket does: the app speaks on the socket itself.
    environ["gunicorn.socket"].sendall(b"mine")
    wsgi.WSGI_LOCAL.already_handled = True
    return []
"""


class Served(Process):
    """gunicorn with the worker under test, serving the probe."""

    def __init__(self, folder: Path, *options: str) -> None:
        (folder / "probe.py").write_text(PROBE)
        self.port = free_port()
        command = [sys.executable, "-m", "gunicorn", "--worker-class", "eventlet", "-w", "1"]
        options = (*options, "--pythonpath", str(folder), "--bind", f"127.0.0.1:{self.port}")
        super().__init__([*command, *options, "probe:app"], {}, folder / "gunicorn.log")
        wait_for(self._answers, 20, "gunicorn")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.output()
        try:
            return b"eventlet" in self.get("/")[1]
        except OSError:
            return False

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def get(self, path: str, **options: Any) -> tuple[int, bytes]:
        """Status and body of an answer over a connection of its own."""
        connection = self.connect()
        try:
            connection.request("GET", path, **options)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def worker(self) -> int:
        """The process that answers."""
        return int(self.get("/")[1].split()[2])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """One for a test that ends or harms it."""
    with Served(tmp_path) as served:
        yield served


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests that only ask; connections are kept for a second."""
    with Served(tmp_path_factory.mktemp("lasting"), "--keep-alive", "1") as served:
        yield served


def test_is_ours(lasting: Served) -> None:
    """`--worker-class eventlet` is patched for eventlet, and so is psycopg; nothing is said."""
    mode, psycopg, pid = lasting.get("/")[1].decode().split()

    assert ("eventlet", "wait_selector") == (mode, psycopg)
    assert {int(pid)} == children(lasting.pid)
    assert "Using worker: eventlet" in lasting.output()
    assert "deprecated" not in lasting.output()


def test_many_requests_wait_side_by_side(lasting: Served) -> None:
    """A request that takes its time keeps nobody waiting."""
    began = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lasting.get, ["/slow"] * 40))

    assert {200} == {status for status, _ in answers}
    assert time.monotonic() - began < 10


def test_a_connection_is_kept(lasting: Served) -> None:
    """Several requests, with bodies too, are answered over one connection."""
    connection = lasting.connect()
    connection.request("GET", "/")
    connection.getresponse().read()
    kept = connection.sock
    for body in (b"abc", b"x" * 100_000):
        connection.request("POST", "/body", body=body)
        assert body[::-1] == connection.getresponse().read()
    same = connection.sock is kept
    connection.close()

    assert same


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_an_idle_connection_is_closed(lasting: Served, said: bytes) -> None:
    """Who says nothing, stops in the middle, or has had the answer, is not kept for ever."""
    with socket.create_connection(("127.0.0.1", lasting.port), timeout=10) as client:
        client.sendall(said)
        began = time.monotonic()
        while client.recv(4096):
            pass

        assert 0.5 < time.monotonic() - began < 8


def test_the_app_may_take_the_socket(lasting: Served) -> None:
    """Where the app has spoken on the socket itself, gunicorn adds nothing to it."""
    with socket.create_connection(("127.0.0.1", lasting.port), timeout=10) as client:
        client.sendall(b"GET /socket HTTP/1.1\r\nHost: a\r\n\r\n")
        said = b""
        while part := client.recv(4096):
            said += part

    assert b"mine" == said
    assert 200 == lasting.get("/")[0]


def test_an_error_of_the_app_is_an_answer(lasting: Served) -> None:
    """It is logged, its text does not leave the process, and the worker goes on."""
    status, body = lasting.get("/fail")

    assert 500 == status
    assert b"inside the app" not in body
    wait_for(lambda: "RuntimeError: inside the app" in lasting.output(), 5, "the log")
    assert 200 == lasting.get("/")[0]


def test_nonsense_is_refused(lasting: Served) -> None:
    """What is no HTTP gets a 400."""
    with socket.create_connection(("127.0.0.1", lasting.port), timeout=10) as client:
        client.sendall(b"hello?\r\n\r\n")

        assert client.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_term_lets_requests_end(served: Served) -> None:
    """A request that is being answered gets its answer, then all is over."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(served.get, "/slow")
        time.sleep(0.5)
        seconds = served.stop()

    assert 200 == answer.result()[0]
    assert 0 == served.process.returncode
    assert seconds < 4
    assert can_listen(served.port)


def test_term_does_not_wait_for_ever(served: Served) -> None:
    """Who takes too long is cut off before the master would kill the worker, with a word."""
    worker = served.worker()
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET /sit HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.5)
        seconds = served.stop()

    assert 0 == served.process.returncode
    assert seconds < 7
    assert not is_running(worker)
    assert "1 connections cut at the end" in served.output()
    assert "SIGKILL" not in served.output()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_a_quick_end(served: Served, number: signal.Signals) -> None:
    """Ctrl-C waits for nobody."""
    worker = served.worker()
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(b"GET /sit HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.5)
        began = time.monotonic()
        served.process.send_signal(number)

        assert 0 == served.process.wait(10)
    assert time.monotonic() - began < 4
    assert not is_running(worker)
    assert "Traceback" not in served.output()


def test_an_orphan_ends(served: Served) -> None:
    """Where the master was killed, the worker gives the port back."""
    worker = served.worker()
    os.kill(served.pid, signal.SIGKILL)
    served.process.wait()

    wait_for(lambda: not is_running(worker), 6, "the worker's end")
    assert can_listen(served.port)


def test_a_lost_worker_is_replaced(served: Served) -> None:
    """A new one serves, and the old one is no zombie."""
    first = served.worker()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not state(first), 10, "its end")
    wait_for(served._answers, 10, "the next one")

    assert first != served.worker()


def test_hup_brings_a_new_worker(served: Served) -> None:
    """The settings can be read again without refusing anybody."""
    first = served.worker()
    served.process.send_signal(signal.SIGHUP)
    statuses = []

    def is_new() -> bool:
        statuses.append(served.get("/")[0])
        return not is_running(first)

    wait_for(is_new, 15, "the old one's end")
    assert {200} == set(statuses)
    assert first != served.worker()


def test_log_files_are_reopened(tmp_path: Path) -> None:
    """USR1, by which log files are rotated, does not disturb the worker."""
    log = tmp_path / "error.log"
    with Served(tmp_path, "--error-logfile", str(log)) as served:
        worker = served.worker()
        shutil.move(log, tmp_path / "old.log")
        served.process.send_signal(signal.SIGUSR1)
        wait_for(log.exists, 5, "the new file")
        served.get("/fail")

        wait_for(lambda: "inside the app" in log.read_text(), 5, "the worker's log")
        assert worker == served.worker()


@pytest.mark.parametrize(("mode", "name"), [("threading", "gthread"), ("gevent", "gevent")])
def test_the_settings_choose_the_worker(tmp_path: Path, mode: str, name: str) -> None:
    """Without a word on the command line OMCRM_ASYNC counts, and PORT and HOST."""
    port = free_port()
    env = {"OMCRM_ASYNC": mode, "PORT": str(port), "HOST": "127.0.0.1"}
    command = [sys.executable, "-m", "gunicorn", "--print-config", "wsgi:app"]
    with Process(command, env, tmp_path / "config.log") as process:
        process.process.wait(20)
        config = process.output()

    assert json.dumps(f"127.0.0.1:{port}") in config.replace("'", '"')
    assert name in config
    assert (ROOT / "gunicorn.conf.py").name in config
