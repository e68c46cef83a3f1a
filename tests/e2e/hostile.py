"""Every server under hostile clients: what it holds, and that it releases all of it afterwards."""

import contextlib
import json
import resource
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.process_table import children, descriptors, resident_mb
from tests.processes import PASSWORD, App, wait_for
from tests.streaming.raw_client import PING, TEXT, Frame, RawClient, text

RUN = f"exec {shlex.quote(sys.executable)} run.py"
GUNICORN = f"exec {shlex.quote(sys.executable)} -m gunicorn"
BIND = "--bind 127.0.0.1:$PORT wsgi:app"

# Each with its command, and its value of OMCRM_ASYNC.
SERVERS = {
    "run.py on eventlet": (RUN, "eventlet"),
    "run.py on gevent": (RUN, "gevent"),
    "run.py on threads": (RUN, "threading"),
    "gunicorn on eventlet": (f"{GUNICORN} --worker-class eventlet -w 1 {BIND}", ""),
    "gunicorn on gevent": (f"{GUNICORN} -k gevent {BIND}", ""),
    "gunicorn on threads": (f"{GUNICORN} -k gthread {BIND}", ""),
}

# In seconds; short, so that every timeout is reached, and long enough for a busy machine.
PING_INTERVAL, PING_TIMEOUT, CONNECT_TIMEOUT = 2, 6, 4
STALLED = 6
# The pings' interval and timeout, five more, and as much again for a busy machine.
GONE_WITHIN = 2 * (PING_INTERVAL + PING_TIMEOUT + 5)

# What may differ though nothing is left: worker threads and database connections are kept.
_THREADS = 12
_DESCRIPTORS = 20
# The allocator keeps some, too; a leak of even the smallest things would be more.
_MEGABYTES = 12

SOCKET = "/socket.io/?EIO=4&transport=websocket"
POLLING = "/socket.io/?EIO=4&transport=polling"
JOIN = text("40/webtrader,")
EMAIL = "trader@example.com"

# All in one process, which is quicker than the commands.
PREPARE = """
import sys
from datetime import UTC, datetime
from omcrm import create_app
from omcrm.auth.service import create_user
from omcrm.installation import prepare
from omcrm.storage.user import Role
email, password = sys.stdin.read().split()
app = create_app()
prepare(app)
with app.app_context():
    create_user(email, password, Role.CLIENT, datetime.now(UTC))
"""


class Cost(NamedTuple):
    """The resources that a server holds."""

    descriptors: int
    threads: int
    connections: int
    sessions: int
    megabytes: float


class ServerUnderTest(App):
    """The app under one of the servers, with short timeouts and an account."""

    def __init__(self, folder: Path, name: str, exchange_url: str) -> None:
        self.name = name
        command, mode = SERVERS[name]
        env = {
            "BINANCE_WS_URL": exchange_url,
            "PING_INTERVAL": str(PING_INTERVAL),
            "PING_TIMEOUT": str(PING_TIMEOUT),
            "CONNECT_TIMEOUT": str(CONNECT_TIMEOUT),
            "WEBSOCKET_TIMEOUT": str(STALLED),
            "MAX_DESK_CONNECTIONS_PER_USER": "10000",
            **({"OMCRM_ASYNC": mode} if mode else {}),
        }
        super().__init__(folder, env, ["sh", "-c", command])
        browser = self.log_in(EMAIL)
        self.cookie = f"Cookie: {browser.cookies()}"
        browser.http.close()

    def upgrade(self) -> None:
        """Create the account, too, in an installation that all servers start from."""
        template = self.folder.parent / "template"
        if not template.exists():
            self.run("-c", PREPARE, stdin=f"{EMAIL} {PASSWORD}")
            shutil.copytree(self.folder / "instance", template)
        else:
            shutil.copytree(template, self.folder / "instance")

    @property
    def worker(self) -> int:
        """The pid of the process that serves."""
        return next(iter(children(self.pid)), self.pid)

    def ask(self, path: str, *headers: str, body: bytes | None = None) -> tuple[int, bytes]:
        """The status and the body of an answer, over a connection of its own."""
        method = "GET" if body is None else "POST"
        length = () if body is None else (f"Content-Length: {len(body)}",)
        lines = (f"{method} {path} HTTP/1.1", "Host: a", "Connection: close", *length, *headers)
        with RawClient.connect(self.port) as client:
            client.send("".join(f"{line}\r\n" for line in (*lines, "")).encode() + (body or b""))
            return client.read_head(), client.read_body()

    def answers(self) -> bool:
        """Whether plain HTTP is answered."""
        return self.ask("/healthz")[0] == 200

    def status(self) -> dict[str, Any]:
        """The app's status."""
        status, body = self.ask("/webtrader/realtime_status", self.cookie)
        assert 200 == status, body
        report: dict[str, Any] = json.loads(body)
        return report

    def cost(self) -> Cost:
        """What the server holds now."""
        status, pid = self.status(), self.worker
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        return Cost(
            len(descriptors(pid)),
            threads,
            status["connections"]["open"],
            status["clients"]["connections"],
            resident_mb(pid),
        )

    # Clients

    def stranger(self, **options: Any) -> RawClient:
        """A WebSocket that has received the open packet, and sent nothing."""
        client = RawClient.open(self.port, SOCKET, **options)
        assert client.read().payload.startswith(b"0{")
        return client

    def trader(self, *frames: bytes, **options: Any) -> RawClient:
        """A WebSocket with a login that has joined the namespace and sent these frames."""
        client = RawClient.open(
            self.port, SOCKET, self.cookie, behind=JOIN + b"".join(frames), **options
        )
        while not (payload := client.read().payload).startswith(b"40/webtrader,"):
            assert payload[:1] in (b"0", b"2"), payload
        return client

    def polling(self) -> str:
        """The path of a new session that polls."""
        status, body = self.ask(POLLING)
        assert 200 == status, body
        return f"{POLLING}&sid={json.loads(body[1:])['sid']}"


class Measurement:
    """Checks that a scenario logs no traceback, and that the server is as before soon after it."""

    def __init__(self, server: ServerUnderTest) -> None:
        self.server = server
        self.may_keep = _MEGABYTES
        self.before = server.cost()
        self._began = time.monotonic()
        self._log_length = len(server.output())

    def grown(self) -> float:
        """The growth of the memory in megabytes."""
        return resident_mb(self.server.worker) - self.before.megabytes

    def is_back(self) -> bool:
        """Whether the server has released everything of the clients."""
        now, before = self.server.cost(), self.before
        return (
            now.connections <= before.connections
            and now.sessions <= before.sessions
            and now.descriptors <= before.descriptors + _DESCRIPTORS
            and now.threads <= before.threads + _THREADS
            and now.megabytes <= before.megabytes + self.may_keep
        )

    def end(self) -> None:
        """Wait until everything is released; check the log of the scenario."""
        try:
            wait_for(self.is_back, GONE_WITHIN, "all to be as before")
        except AssertionError:
            raise AssertionError(f"before: {self.before}, now: {self.server.cost()}") from None
        log_lines = self.server.output()[self._log_length :]
        seconds = time.monotonic() - self._began
        assert "Traceback" not in log_lines, log_lines[-3000:]
        assert len(log_lines.splitlines()) <= 2 + seconds, log_lines[-3000:]


Scenario = Callable[[ServerUnderTest, Measurement], None]


def everywhere(servers: list[ServerUnderTest], scenario: Scenario, parallel: bool = True) -> None:
    """Run a scenario on all servers in parallel; fails with the names of those that fail."""

    def run(server: ServerUnderTest) -> None:
        measurement = Measurement(server)
        scenario(server, measurement)
        measurement.end()

    failed: dict[str, Exception] = {}
    with ThreadPoolExecutor(len(servers) if parallel else 1) as pool:
        for server, done in [(server, pool.submit(run, server)) for server in servers]:
            error = done.exception()
            if error is not None:
                error.add_note(f"under {server.name}")
                failed[server.name] = error
    if failed:
        raise ExceptionGroup(f"fails under {', '.join(failed)}", list(failed.values()))


@contextlib.contextmanager
def started(
    names: Sequence[str], folder: Path, exchange_url: str
) -> Iterator[list[ServerUnderTest]]:
    """The app under these servers, started in parallel and warmed up."""

    def start(name: str) -> ServerUnderTest:
        own = folder / name.replace(" ", "-")
        own.mkdir()
        return ServerUnderTest(own, name, exchange_url)

    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(names)) as pool:
        first, *others = names
        servers = [stack.enter_context(start(first))]
        starting = [pool.submit(start, name) for name in others]
        for future in starting:
            if future.exception() is None:
                stack.enter_context(future.result())
        servers += [future.result() for future in starting]
        list(pool.map(warm_up, servers))
        yield servers
        list(pool.map(ServerUnderTest.stop, servers))


def warm_up(server: ServerUnderTest) -> None:
    """Let pools of threads and connections grow before the first measurement."""
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(server.trader())
    wait_for(lambda: server.status()["connections"]["open"] == 0)


@contextlib.contextmanager
def many_files() -> Iterator[None]:
    """Inside of it this process may open more descriptors than usual."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def event(name: str, body: Any = None) -> bytes:
    """The frame of an event to the desk."""
    return text("42/webtrader," + json.dumps([name, body]))


def is_ping(received: Frame) -> bool:
    """Whether this is Engine.IO's ping."""
    return (received.opcode, received.payload) == (TEXT, b"2") or received.opcode == PING


PONG = text("3")
