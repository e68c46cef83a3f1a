"""gunicorn's workers of gevent and of threads, with our settings and little patience."""

import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, Process, free_port, wait_for
from tests.streaming.raw_client import RawClient

SETTINGS = f"""
from omcrm import process
process.REQUEST_PATIENCE = 1.0
exec(open({str(ROOT / "gunicorn.conf.py")!r}).read())
del post_worker_init, worker_exit
bind = "127.0.0.1:" + PORT
"""
PROBE = """
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""
WHOLE = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"


@pytest.mark.parametrize("worker", ["gevent", "gthread"])
def test_half_requests_end(tmp_path: Path, worker: str) -> None:
    """Who stops in the middle of a request is not waited for, and others are answered meanwhile."""
    port = free_port()
    (tmp_path / "probe.py").write_text(PROBE)
    settings = tmp_path / "settings.py"
    settings.write_text(SETTINGS.replace("PORT", repr(str(port))))
    command = [sys.executable, "-m", "gunicorn", "-c", str(settings), "-k", worker, "--threads=2"]
    command += ["--pythonpath", str(tmp_path), "probe:app"]
    with Process(command, {}, tmp_path / "gunicorn.log") as server:
        wait_for(lambda: "Booting worker" in server.output(), 20, "gunicorn")
        halves = [RawClient.connect(port) for _ in range(4)]
        for client in halves:
            client.send(WHOLE[:-1])
        with RawClient.connect(port) as other:
            other.send(WHOLE)
            answered = other.rest()
        for client in halves:
            client.rest()
            client.sock.close()

        assert answered.endswith(b"body")
