import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from omcrm.concurrency import MODES
from tests.processes import ROOT, free_port, wait_for

PROGRAM = """
import sys
from omcrm import concurrency
concurrency.patch(sys.argv[1])
from omcrm import servers
servers.REQUEST_PATIENCE = 1.0

def app(environ, start_response):
    if environ["PATH_INFO"] == "/fails":
        raise ValueError("secret of the app")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"hi"]

servers.serve(app, "127.0.0.1", int(sys.argv[2]))
"""
REQUEST = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module", params=MODES)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Where a server of the mode listens."""
    chosen = free_port()
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, request.param, str(chosen)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: answers(chosen), 20, "the server")
            yield chosen
        finally:
            process.kill()


def answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        return b"hi" in ask(port, b"/")
    return False


def ask(port: int, path: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(REQUEST % path)
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := sock.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_it_serves(port: int) -> None:
    """A request is answered."""
    assert ask(port, b"/").startswith(b"HTTP/1.1 200 OK")


def test_half_a_request_does_not_stay(port: int) -> None:
    """Who begins to speak and does not go on is cut off, and others are served meanwhile."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert b"hi" in ask(port, b"/")

        answer = read_all(silent)

    assert b"200" not in answer


def test_nothing_of_a_failure_leaves(port: int) -> None:
    """The client learns that there was one."""
    answer = ask(port, b"/fails")

    assert b"500" in answer.splitlines()[0]
    assert b"secret" not in answer
    assert b"Traceback" not in answer
