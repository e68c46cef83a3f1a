"""An installation of several processes: PostgreSQL, Redis, an engine, web processes, nginx."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from bench.fanout.nginx import Nginx, nginx_program
from bench.fanout.subject import NO_LIMITS, Absent
from simulator.drill.processes.postgresql_server import PLACES
from tests.engine.redis_server import RedisServer
from tests.processes import PATIENCE, ROOT, UPGRADE, Exchange, Process, free_port, wait_for
from tests.several import Installation
from tests.storage.postgresql_server import PostgresqlServer

_GUNICORN = [sys.executable, "-m", "gunicorn", "--worker-class", "eventlet", "-w", "1", "wsgi:app"]


class WebProcess:
    """One web process at a port of its own, which can be replaced."""

    def __init__(self, installation: Installation, public_url: str) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self._log = installation.folder / f"web-{self.port}.log"
        self._environ = {
            **installation.environ,
            **NO_LIMITS,
            "OMCRM_ENGINE": "off",
            "OMCRM_ASYNC": "eventlet",
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "PUBLIC_URL": public_url,
            "TRUSTED_PROXIES": "1",
            "LOG_LEVEL": "INFO",
        }
        self._process: Process | None = None

    def start(self) -> float:
        """Start it, and wait until it is ready; the seconds that took."""
        began = time.monotonic()
        self._process = Process(_GUNICORN, self._environ, self._log)
        self._process.wait_until(self._is_ready, "a web process")
        return time.monotonic() - began

    def stop(self) -> float:
        """End it by TERM; the seconds that took."""
        return self._process.stop() if self._process else 0.0

    @property
    def worker(self) -> int:
        """The process that serves: gunicorn's child."""
        assert self._process is not None
        pid = self._process.pid
        [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(child)

    def log(self) -> str:
        """What it logged, the processes before it included."""
        return self._log.read_text(errors="replace")

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.process.poll() is not None:
            raise AssertionError(f"a web process died:\n{self._process.output()[-3000:]}")
        try:
            return requests.get(f"{self.base}/readyz", timeout=PATIENCE).status_code == 200
        except requests.RequestException:
            return False


class SeveralProcesses:
    """What a scenario needs of a running installation."""

    def __init__(self, installation: Installation, webs: list[WebProcess], base: str) -> None:
        self.webs = webs
        self.base = base
        self._installation = installation

    def log_in(self, count: int) -> list[str]:
        """The cookies of so many new accounts, each with a login."""
        return _run(self._installation, "-m", "bench.fanout.logins", str(count)).splitlines()


def _has_postgresql() -> bool:
    return any((place / "initdb").exists() for place in PLACES) or bool(shutil.which("initdb"))


def _run(installation: Installation, *command: str) -> str:
    environ = {**os.environ, **installation.environ}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def several_processes(rate: float, webs: int = 2) -> Iterator[SeveralProcesses]:
    """An engine that gets each price so many times a second, web processes, and nginx before them.

    Raises Absent where a program is missing.
    """
    program = nginx_program()
    if program is None or shutil.which("redis-server") is None or not _has_postgresql():
        raise Absent("PostgreSQL, redis-server or nginx is not here (see docs/benchmarks.md)")
    with contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="omcrm-bench-")))
        database = PostgresqlServer()
        ends.callback(database.stop)
        database.initialize()
        database.start()
        redis = RedisServer()
        ends.callback(redis.remove)
        exchange = ends.enter_context(Exchange(folder, "--beat", f"{rate:g}"))
        installation = Installation(folder, database.url, redis, exchange)
        installation.environ["REALTIME_SOURCES"] = "binance"
        _run(installation, *UPGRADE)
        engine = ends.enter_context(installation.engine())
        wait_for(lambda: engine.leads, what="the feeds")
        port = free_port()
        processes = [WebProcess(installation, f"http://127.0.0.1:{port}") for _ in range(webs)]
        for process in processes:
            ends.callback(process.stop)
            process.start()
        balancer = Nginx(program, folder, [process.port for process in processes], port)
        ends.enter_context(balancer)
        yield SeveralProcesses(installation, processes, balancer.base)
