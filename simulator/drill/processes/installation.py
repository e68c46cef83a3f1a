"""An installation of several processes: two engines, two web processes, and what they share."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import psycopg
import requests
from psycopg import sql

from omcrm.child import ExchangeProcess
from simulator.drill.processes.account import Account, log_in, make_accounts
from simulator.drill.processes.postgresql_server import PostgresqlServer
from simulator.drill.processes.process_clock import ProcessClock, compiled
from simulator.drill.processes.redis_server import RedisServer
from simulator.drill.processes.server_process import (
    ROOT,
    NotInTime,
    ServerProcess,
    Startable,
    free_port,
    kept,
    wait_until,
)
from simulator.drill.processes.tcp_relay import TcpRelay

_MIGRATE = ("-m", "flask", "--app", "omcrm", "db", "upgrade")
_LEADS, _WAITS = "The feeds run in this process.", "This process waits: "
_ACCOUNTS = 8
_TIMEOUT = 15.0


class Member(ServerProcess):
    """An engine or a web process, with a way of its own to the bus and a clock of its own."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environ: Mapping[str, str],
        folder: Path,
        relay: TcpRelay,
        clock: ProcessClock,
    ) -> None:
        super().__init__(
            [sys.executable, *command], {**environ, **clock.environ}, folder / f"{name}.log"
        )
        self.name, self.relay, self.clock = name, relay, clock
        self.base = f"http://127.0.0.1:{environ['PORT']}" if "PORT" in environ else ""

    @property
    def leads(self) -> bool:
        """Whether it runs, and its last word is that its feeds run."""
        words = [line for line in self.output().splitlines() if line.startswith((_LEADS, _WAITS))]
        return self.runs and bool(words) and words[-1] == _LEADS

    @property
    def stands_by(self) -> bool:
        """Whether it runs, and its last word is that it waits."""
        words = [line for line in self.output().splitlines() if line.startswith((_LEADS, _WAITS))]
        return self.runs and bool(words) and words[-1] != _LEADS

    def has_begun(self) -> bool:
        """Whether an engine leads or waits."""
        return self.leads or self.stands_by

    @property
    def is_ready(self) -> bool:
        """Whether a web process says that nothing is missing."""
        try:
            return requests.get(f"{self.base}/readyz", timeout=_TIMEOUT).ok
        except requests.RequestException:
            return False


class Installation:
    """Runs from `with` to its end, in this folder; `market_since` is when its market began.

    It has a synchronous standby of the database where that is wanted.
    """

    def __init__(
        self, folder: Path, *, has_standby: bool = False, settings: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.redis = RedisServer(free_port())
        self.database = PostgresqlServer(free_port(), place=folder)
        self.standby = PostgresqlServer(free_port(), place=folder) if has_standby else None
        self.engines: list[Member] = []
        self.webs: list[Member] = []
        self.accounts: list[Account] = []
        self.exchange_url = ""
        self.market_since = datetime.now(UTC)
        self._exchange = ExchangeProcess("--swing")
        self._settings = settings or {}
        self._at_the_end = ExitStack()

    @property
    def members(self) -> list[Member]:
        """The engines and the web processes."""
        return [*self.engines, *self.webs]

    @property
    def leader(self) -> Member:
        """The engine that leads."""
        for engine in self.engines:
            if engine.leads:
                return engine
        raise NotInTime("no engine leads")

    def __enter__(self) -> Self:
        with ExitStack() as begun:
            self._start(begun)
            self._at_the_end = begun.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._at_the_end.close()

    def _start(self, begun: ExitStack) -> None:
        begun.callback(self._exchange.stop)
        self.exchange_url = self._exchange.start()
        # What the market was before is invented.
        self.market_since = datetime.now(UTC)
        self.redis.start()
        begun.callback(self.redis.remove)
        self._start_databases(begun)
        environ = self._environ()
        whole = {**os.environ, **environ}
        subprocess.run([sys.executable, *_MIGRATE], cwd=ROOT, env=whole, check=True)
        emails = make_accounts(whole, self._address, _ACCOUNTS)
        library = compiled(self.folder)
        for name in ("engine-1", "engine-2", "web-1", "web-2"):
            self._add(name, environ, library, begun)
        for engine in self.engines:
            engine.start()
            wait_until(engine.has_begun, "an engine")
        for web in self.webs:
            web.start()
        wait_until(lambda: all(web.is_ready for web in self.webs), "the web processes", every=0.5)
        self.accounts = [log_in(self.webs[0].base, self._address, email) for email in emails]

    def _start_databases(self, begun: ExitStack) -> None:
        begun.callback(self.database.stop)
        self.database.initialize()
        self.database.start()
        if self.standby is None:
            return
        begun.callback(self.standby.stop)
        self.standby.copy_of(self.database)
        self.standby.start()
        self.database.execute(
            "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"
        )
        query = "SELECT sync_state FROM pg_stat_replication"
        wait_until(lambda: self.database.scalar(query) == "sync", "the standby")

    @property
    def _address(self) -> str:
        """The database's address for libpq: whichever server writes."""
        ports = [self.database.port, *([self.standby.port] if self.standby else [])]
        hosts = ",".join("127.0.0.1" for _ in ports)
        joined = ",".join(map(str, ports))
        return (
            f"host={hosts} port={joined} user=omcrm dbname=postgres connect_timeout=10"
            " target_session_attrs=read-write"
        )

    def _environ(self) -> dict[str, str]:
        ports = [self.database.port, *([self.standby.port] if self.standby else [])]
        places = "&".join(f"host=127.0.0.1:{port}" for port in ports)
        http = self.exchange_url.replace("ws://", "http://")
        (self.folder / "instance").mkdir(0o700, exist_ok=True)
        return {
            "OMCRM_INSTANCE": str(self.folder / "instance"),
            "DATABASE_URL": f"postgresql://omcrm@/postgres?{places}&target_session_attrs=read-write",
            "BUS_URL": self.redis.url,
            "FEED_STATE_DIR": str(self.folder / "feeds"),
            "REALTIME_SOURCES": "binance,coinbase",
            "BINANCE_WS_URL": self.exchange_url,
            "BINANCE_REST_URL": http,
            "COINBASE_WS_URL": f"{self.exchange_url}/coinbase",
            "COINBASE_REST_URL": f"{http}/coinbase",
            "OMCRM_DEMO": "false",
            "OMCRM_EXCHANGE_URL": "",
            "PUBLIC_URL": "",
            "HOST": "127.0.0.1",
            "SECRET_KEY": "the same for all processes of this installation",
            "MAX_CONNECTIONS_PER_USER": "5000",
            "LOG_LEVEL": "INFO",
            **self._settings,
        }

    def _add(self, name: str, environ: dict[str, str], library: Path, begun: ExitStack) -> None:
        relay = TcpRelay(self.redis.port)
        relay.start()
        begun.callback(relay.stop)
        clock = ProcessClock(library, self.folder / f"{name}.clock")
        own = {**environ, "BUS_URL": f"redis://127.0.0.1:{relay.port}/0"}
        is_engine = name.startswith("engine")
        if not is_engine:
            own |= {"OMCRM_ENGINE": "off", "PORT": str(free_port())}
        command = ["manage.py", "engine"] if is_engine else ["run.py"]
        member = Member(name, command, own, self.folder, relay, clock)
        begun.callback(member.stop)
        (self.engines if is_engine else self.webs).append(member)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with psycopg.connect(self._address) as connection:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Meanwhile all tables of the database are locked."""
        with psycopg.connect(self._address) as connection:
            rows = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            )
            tables = sql.SQL(", ").join(sql.Identifier(name) for (name,) in rows)
            lock = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(tables)
            wait_until(lambda: _is_done(connection, lock), "the lock")
            yield
            connection.rollback()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Meanwhile each process and the database are started again where they end."""
        with ExitStack() as keeping:
            servers: list[Startable] = [*self.members, self.database]
            for server in servers:
                keeping.enter_context(kept(server))
            yield


def _is_done(connection: "psycopg.Connection[Any]", lock: sql.Composed) -> bool:
    try:
        connection.execute(lock)
    except psycopg.errors.DeadlockDetected:
        # Somebody had one of the tables and wanted another one.
        connection.rollback()
        return False
    return True
