"""A small app under each supported server: alone in a process, or with gunicorn.

`python -m tests.serving.served eventlet|gevent|threading PORT`
"""

import sys

from omcrm.concurrency import MODES, active_mode, patch

if __name__ == "__main__":
    # Before any other import, as in `run.py`.
    patch(sys.argv[1])

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from omcrm.concurrency import end_on
from omcrm.serving import worker
from omcrm.serving.server import serve
from tests.process_table import children
from tests.processes import PATIENCE, ROOT, Process, free_port, wait_for

NAMES = {"eventlet": "eventlet", "gevent": "gevent", "threading": "gthread"}
SERVERS = [f"{kind} on {mode}" for kind in ("run.py", "gunicorn") for mode in MODES]
"""Each supported server."""

# Clients' deadlines in seconds, short enough for tests and long enough for a busy machine.
HEAD, BODY, KEPT = 2.0, 2.0, 3

_SETTINGS = f"""
exec(open({str(ROOT / "gunicorn.conf.py")!r}).read())
keepalive = {KEPT}
"""


def limit() -> None:
    """Set short deadlines."""
    worker.HEAD, worker.BODY = HEAD, BODY


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Echoes bodies; shows what process and what threads it runs on."""
    path = environ["PATH_INFO"]
    if path == "/fails":
        raise RuntimeError("inside the app")
    if path in ("/waits", "/sits"):
        folder = Path(os.environ["OMCRM_INSTANCE"])
        (folder / "begun").touch()
        while path == "/waits" and not (folder / "go on").exists():
            time.sleep(0.02)
    if path == "/sits":
        time.sleep(600)
    body = environ["wsgi.input"].read()[::-1]
    if path == "/thinks":
        time.sleep(2 * BODY)
    if path == "/":
        body = f"{active_mode()} {os.getpid()} {threading.active_count()}".encode()
    if path == "/large":
        body = bytes(64 * 1024 * 1024)
    size = Path(__file__).stat().st_size if path == "/file" else len(body)
    facts = [("Content-Type", "text/plain"), ("Content-Length", str(size))]
    start_response("200 OK", facts)
    if path == "/file":
        return environ["wsgi.file_wrapper"](Path(__file__).open("rb"))
    return [body]


if "gunicorn.arbiter" in sys.modules:
    limit()


class Served(Process):
    """The app under one of the servers; under gunicorn it may be another one."""

    def __init__(
        self, folder: Path, name: str, *options: str, app: str = "tests.serving.served:app"
    ) -> None:
        kind, _, mode = name.partition(" on ")
        self.name, self.mode, self.port = name, mode, free_port()
        if kind == "run.py":
            command = [sys.executable, "-W", "ignore", "-m", "tests.serving.served"]
            command += [mode, str(self.port)]
        else:
            settings = folder / "settings.py"
            settings.write_text(_SETTINGS)
            command = [sys.executable, "-m", "gunicorn", "-c", str(settings), "-k", NAMES[mode]]
            command += ["--bind", f"127.0.0.1:{self.port}", *options, app]
        # Keeps the settings of the machine's own installation out of the tests.
        environ = {"OMCRM_INSTANCE": str(folder), "OMCRM_DEMO": "false"}
        super().__init__(command, environ, folder / f"{self.port}.log")
        wait_for(self.answers, 60, "the server")

    def answers(self) -> bool:
        """Whether the server answers."""
        assert self.process.poll() is None, self.output()
        with contextlib.suppress(OSError):
            return self.get("/").startswith(b"HTTP/1.1 200")
        return False

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def ask(self, request: bytes) -> bytes:
        """The whole response until the server closes the connection."""
        with self.connect() as client:
            client.sendall(request)
            return rest(client)

    def get(self, path: str) -> bytes:
        """The whole response to a GET on a new connection."""
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())

    def worker(self) -> int:
        """The id of the process that answers."""
        return int(self.get("/").split()[-2])

    def worker_processes(self) -> set[int]:
        """The ids of its child processes."""
        return children(self.pid)


def rest(client: socket.socket) -> bytes:
    """All bytes until the server closes or resets the connection."""
    chunks = []
    with contextlib.suppress(ConnectionError):
        while chunk := client.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks)


def main(mode: str, port: int) -> Any:
    """Serve as `run.py` does in this mode."""
    import logging

    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    limit()
    end_on(signal.SIGTERM, signal.SIGINT)
    serve(app, "127.0.0.1", port)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
