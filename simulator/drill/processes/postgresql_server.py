"""A real PostgreSQL that can be killed, frozen, copied, promoted and started again."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from simulator.drill.processes.server_process import PATIENCE, NotInTime, wait_until

PLACES = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), Path("/usr/local/bin")]
OPTIONS = ("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")


def program(name: str) -> str | None:
    """The path of one of PostgreSQL's programs; None where it is not installed."""
    path = next((str(place / name) for place in PLACES if (place / name).exists()), None)
    return path or shutil.which(name)


class PostgresqlServer:
    """A server in a folder of its own, which can be killed, frozen and started again."""

    def __init__(
        self, port: int, *, password: str | None = None, place: Path | None = None
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="omcrm-pg-", dir=place))
        # PostgreSQL refuses to run as root.
        is_root = os.geteuid() == 0
        owner = pwd.getpwnam("postgres") if is_root else pwd.getpwuid(os.geteuid())
        os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._user: dict[str, Any] = (
            {"user": owner.pw_uid, "group": owner.pw_gid} if is_root else {}
        )
        self._password = password
        self.data, self.port = self.folder / "data", port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of its first database."""
        secret = f":{self._password}" if self._password else ""
        return f"postgresql+psycopg://omcrm{secret}@127.0.0.1:{self.port}/postgres"

    def initialize(self) -> None:
        """Make its files."""
        method = ["-A", "trust"]
        if self._password:
            file = self.folder / "password"
            file.write_text(self._password)
            file.chmod(0o644)
            method = ["-A", "scram-sha-256", "--pwfile", str(file)]
        self.run("initdb", "-D", self.data, *method, "-U", "omcrm", "--no-sync")

    def copy_of(self, other: "PostgresqlServer") -> None:
        """Make its files as a standby of another server."""
        where = ("-h", "127.0.0.1", "-p", str(other.port), "-U", "omcrm")
        self.run("pg_basebackup", *where, "-D", self.data, "-R", "-X", "stream", "--no-sync")

    def run(self, name: str, *arguments: Any) -> None:
        """Run one of PostgreSQL's programs as its owner."""
        done = subprocess.run(
            [program(name) or name, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            **self._user,
        )
        if done.returncode:
            raise NotInTime(done.stderr)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        wait_until(self._is_started, "PostgreSQL")

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def _is_started(self) -> bool:
        # After a kill the memory of the old processes is in the way for a moment.
        if not self.runs:
            options = ["-p", str(self.port), "-k", str(self.folder), *OPTIONS]
            self._process = subprocess.Popen(
                [program("postgres") or "postgres", "-D", self.data, *options],
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                **self._user,
            )
        return answers(self.url)

    def promote(self) -> None:
        """Let a standby take over."""
        self.run("pg_ctl", "promote", "-D", self.data)

    def execute(self, *statements: str) -> None:
        """Execute these statements, each in a transaction of its own."""
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def scalar(self, statement: str) -> Any:
        """The first value of the first row."""
        engine = create_engine(self.url)
        try:
            with engine.connect() as connection:
                return connection.scalar(text(statement))
        finally:
            engine.dispose()

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(PATIENCE)

    def freeze(self) -> None:
        """Let it stand still with its connections open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        """Signal its processes: each of them is a group of its own."""
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _processes(self) -> list[int]:
        if self._process is None:
            return []
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [self._process.pid, *map(int, children.read_text().split())]

    def stop(self) -> None:
        """End it, and remove its files."""
        if self._process is not None and self.runs:
            self.thaw()
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE)
        shutil.rmtree(self.folder)


def answers(url: str) -> bool:
    """Whether a connection can be made."""
    engine = create_engine(url)
    try:
        with engine.connect():
            return True
    except Exception:
        return False
    finally:
        engine.dispose()
