"""An installation of several processes: engines and web processes on PostgreSQL and Redis."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.engine.redis_server import RedisServer, redis_server
from tests.processes import ROOT, UPGRADE, App, Exchange, Process
from tests.storage.postgresql_server import postgresql

__all__ = ["installation", "postgresql", "redis_server"]


class Engine(Process):
    """An engine as an operator runs it."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *, python: str = "") -> None:
        program = ["-c", python] if python else ["manage.py", "engine"]
        super().__init__(
            [sys.executable, *program], environ, folder / f"engine-{len(os.listdir(folder))}.log"
        )
        self.wait_until(lambda: "runs as process" in self.output() or self._died(), "the engine")

    def _died(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the engine died:\n{self.output()}")
        return False

    @property
    def leads(self) -> bool:
        """Whether its last word is that its feeds run."""
        lines = [line for line in self.output().splitlines() if line.startswith(_WORDS)]
        return bool(lines) and lines[-1] == _WORDS[0]

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Meanwhile it does nothing, and knows nothing of that."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


_WORDS = ("The feeds run in this process.", "This process waits: ")


_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {}"


class Installation:
    """The database, the bus and the upstreams that its processes share."""

    def __init__(self, folder: Path, database: str, redis: RedisServer, exchange: Exchange) -> None:
        self.folder = folder
        self.database = database
        self.redis = redis
        self.environ = {
            "OMCRM_INSTANCE": str(folder / "instance"),
            "DATABASE_URL": database,
            "BUS_URL": redis.url,
            "FEED_STATE_DIR": str(folder / "feeds"),
            # Two streams: by them an engine whose own clock is off knows that it is.
            "REALTIME_SOURCES": "binance,coinbase,frankfurter",
            "BINANCE_WS_URL": exchange.url,
            "BINANCE_REST_URL": exchange.url.replace("ws://", "http://"),
            "COINBASE_WS_URL": f"{exchange.url}/coinbase",
            "COINBASE_REST_URL": exchange.url.replace("ws://", "http://") + "/coinbase",
            "FRANKFURTER_URL": exchange.url.replace("ws://", "http://") + "/frankfurter",
            "OMCRM_DEMO": "false",
            "OMCRM_EXCHANGE_URL": "",
            "PUBLIC_URL": "",
            "SECRET_KEY": "the same for all processes of this installation",
            "LOG_LEVEL": "INFO",
        }
        (folder / "instance").mkdir(0o700, parents=True)

    def engine(self, **environ: str) -> Engine:
        """Another engine."""
        return Engine(self.folder, {**self.environ, **environ})

    def web(self, **environ: str) -> App:
        """Another web process, without an engine."""
        return App(self.folder, {**self.environ, "OMCRM_ENGINE": "off", **environ})

    def rows(self, query: str) -> list[Any]:
        """The rows of a query."""
        server = create_engine(self.database)
        try:
            with server.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query))]
        finally:
            server.dispose()

    def do(self, *statements: str) -> None:
        """Do this to the server, from another database."""
        server = f"{self.database.rpartition('/')[0]}/postgres"
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Meanwhile nobody reaches the database."""
        name = self.database.rpartition("/")[2]
        self.do(
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false", _END.format(f"datname = '{name}'")
        )
        try:
            yield
        finally:
            self.do(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    @contextmanager
    def alone_on(self, role: str) -> Iterator[tuple[dict[str, str], Callable[[], None]]]:
        """The settings of a process with an account of its own at the database, and what cuts that
        one off."""
        self.do(f"CREATE ROLE {role} LOGIN SUPERUSER")
        end = _END.format(f"usename = '{role}'")
        try:
            yield (
                {"DATABASE_URL": self.database.replace("//omcrm@", f"//{role}@")},
                lambda: self.do(f"ALTER ROLE {role} NOLOGIN", end),
            )
        finally:
            self.do(end, f"DROP ROLE {role}")

    @property
    def token(self) -> int:
        """The token of the lease."""
        rows = self.rows("select token from engine_lease")
        return int(rows[0][0]) if rows else 0


def in_database(server: str, name: str, statement: str) -> str:
    """Do this to a database of the server, and return its URL."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement.format(name)))
    engine.dispose()
    return f"{server.rpartition('/')[0]}/{name}"


_counter = iter(range(1_000_000))


@pytest.fixture(scope="session")
def migrated(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that is up to date, to copy from."""
    url = in_database(postgresql, "migrated", "CREATE DATABASE {}")
    folder = tmp_path_factory.mktemp("migrated")
    environ = {**os.environ, "DATABASE_URL": url, "OMCRM_INSTANCE": str(folder)}
    subprocess.run([sys.executable, *UPGRADE], cwd=ROOT, env=environ, check=True)
    return "migrated"


@pytest.fixture
def installation(
    postgresql: str, migrated: str, redis_server: RedisServer, exchange: Exchange, tmp_path: Path
) -> Iterator[Installation]:
    """An installation that has no processes yet."""
    name = f"several_{next(_counter)}"
    url = in_database(postgresql, name, f"CREATE DATABASE {{}} TEMPLATE {migrated}")
    yield Installation(tmp_path, url, redis_server, exchange)
    in_database(postgresql, name, "DROP DATABASE {} WITH (FORCE)")
