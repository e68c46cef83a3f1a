"""The real processes that tests run against: the built-in exchange and the app.

Long for a reason: starting, calling and stopping these processes belong together.
"""

import contextlib
import functools
import itertools
import json
import os
import random
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import requests
import socketio
from sqlalchemy import create_engine, text

from omcrm.auth.passwords import hash_password

ROOT = Path(__file__).resolve().parent.parent
MARKET_DATA = ROOT.parent / "shared" / "market-data"
PASSWORD = secrets.token_urlsafe(12)

# The timeout of everything that should happen, in seconds. A shorter one would fail on a busy
# machine; a test that passes never waits that long.
PATIENCE = 120.0

T = TypeVar("T")


def wait_for(condition: Callable[[], T], timeout: float = PATIENCE, what: str = "it") -> T:
    """The result of `condition` once it is true; fails after `timeout` or PATIENCE, the longer."""
    timeout = max(timeout, PATIENCE)
    until = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > until:
            raise AssertionError(f"waited {timeout} s for {what}")
        time.sleep(0.02)


# How an operator does it.
UPGRADE = ("-m", "flask", "--app", "omcrm", "db", "upgrade")
_NEW_USER = text(
    "INSERT INTO users (email, password_hash, role, active, created_at) "
    "VALUES (:email, :hash, :role, :yes, :now)"
)


@functools.cache
def _up_to_date() -> bytes:
    """A new installation's database."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "OMCRM_INSTANCE": folder, "DATABASE_URL": "", "OMCRM_DEMO": ""}
        subprocess.run([sys.executable, *UPGRADE], cwd=ROOT, env=environ, check=True)
        return (Path(folder) / "omcrm.db").read_bytes()


@functools.cache
def hashed(password: str) -> str:
    """The stored hash of a password, cached: hashing is slow on purpose."""
    return hash_password(password)


# Below the system's ports for clients; each process of tests has some of them.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4
_PORTS = range(20_000 + _WORKER * 3_000, 23_000 + _WORKER * 3_000)
_counter = itertools.count(random.randrange(len(_PORTS)))


def free_port() -> int:
    """A free port of the loopback, outside of the system's random ports.

    Tests that run at the same time have their own ports: another one could take a port between
    this check and the start of the server.
    """
    while True:
        port = _PORTS[next(_counter) % len(_PORTS)]
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Process:
    """A child process that is always ended, and its output."""

    def __init__(self, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_until(self, is_up: Callable[[], object], what: str) -> None:
        """Wait for its start; end it where it does not start."""
        try:
            wait_for(is_up, what=what)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> float:
        """End it by TERM; the seconds that took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"did not end on TERM:\n{self.output()[-3000:]}") from None
        return time.monotonic() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Exchange(Process):
    """The built-in exchange, from its seeded model or from tapes."""

    def __init__(self, folder: Path, *arguments: str, port: int = 0) -> None:
        self.port = port or free_port()
        command = [sys.executable, "manage.py", "exchange", "--port", str(self.port), *arguments]
        super().__init__(command, {}, folder / f"exchange-{self.port}.log")
        self.url = f"ws://127.0.0.1:{self.port}"
        self._counted: dict[str, Any] = {}
        self.wait_until(lambda: "listening" in self.output() or self._died(), "the exchange")

    def _died(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the exchange died:\n{self.output()}")
        return False

    def fault(self, name: str, /, **details: Any) -> None:
        """Switch a fault on, or do it once."""
        self._ask("POST", "/control/faults", {"fault": name, **details})

    def clear(self) -> None:
        """Switch all faults off."""
        self._ask("DELETE", "/control/faults")

    def begin_anew(self) -> None:
        """Be as after the start for the next test: no faults, no connections, nothing counted."""
        self.clear()
        wait_for(
            lambda: not any(venue["connections"] for venue in self.state()["venues"].values()),
            what="connections to end",
        )
        self._counted = json.loads(self._ask("GET", "/control"))

    def state(self) -> dict[str, Any]:
        """Its connections, faults and counts."""
        return _since(self._counted, json.loads(self._ask("GET", "/control")))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return bytes(answer.read())


def _since(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The counts since `before`, and the current values of everything else."""
    meanwhile = {}
    for name, value in now.items():
        known = before.get(name)
        if isinstance(value, dict) and isinstance(known, dict):
            meanwhile[name] = _since(known, value)
        else:
            is_count = isinstance(value, int) and isinstance(known, int) and name != "seed"
            meanwhile[name] = value - known if is_count else value
    return meanwhile


class App(Process):
    """The app as an operator runs it, on a database of its own."""

    def __init__(
        self, folder: Path, env: Mapping[str, str] | None = None, server: list[str] | None = None
    ) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.env = {
            "OMCRM_INSTANCE": str(folder / "instance"),
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "BINANCE_WS_URL": "",
            # No upstream outside of this machine is used.
            "REALTIME_SOURCES": "binance",
            "FEED_STATE_DIR": str(folder / "feeds"),
            "OMCRM_DEMO": "false",
            "OMCRM_EXCHANGE_URL": "",
            "LOG_LEVEL": "INFO",
            **(env or {}),
        }
        self.upgrade()
        super().__init__(
            server or [sys.executable, "run.py"], self.env, folder / f"app-{self.port}.log"
        )
        self.wait_until(self._answers, "the app")

    def upgrade(self) -> None:
        """Bring the database up to date; an empty SQLite one is copied from one that is."""
        if self._sqlite is None:
            self.run(*UPGRADE)
        elif not self._sqlite.exists():
            self._sqlite.parent.mkdir(0o700, parents=True, exist_ok=True)
            self._sqlite.write_bytes(_up_to_date())

    @property
    def _sqlite(self) -> Path | None:
        is_own = not self.env.get("DATABASE_URL", os.environ.get("DATABASE_URL"))
        return Path(self.env["OMCRM_INSTANCE"]) / "omcrm.db" if is_own else None

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run a command on the app's installation."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **self.env},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the app died:\n{self.output()[-3000:]}")
        try:
            return requests.get(f"{self.base}/healthz", timeout=PATIENCE).status_code == 200
        except requests.RequestException:
            return False

    def create_user(self, email: str, role: str = "client") -> None:
        """Create an account with the tests' password, without another process."""
        now = datetime.now(UTC).replace(tzinfo=None)
        row = {"email": email, "hash": hashed(PASSWORD), "role": role, "now": str(now), "yes": True}
        url = self.env.get("DATABASE_URL") or f"sqlite:///{self._sqlite}"
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(_NEW_USER, row)
        engine.dispose()

    def log_in(self, email: str) -> "Browser":
        """A logged-in browser."""
        browser = Browser(self.base)
        browser.log_in(email)
        return browser

    def new_browser(self, role: str = "client") -> "Browser":
        """A logged-in browser of a new account."""
        email = f"{role}-{secrets.token_hex(4)}@example.com"
        self.create_user(email, role)
        return self.log_in(email)


class Browser:
    """A session with the app, over plain HTTP and Socket.IO."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = requests.Session()
        # The server ends idle connections after seconds: on a busy machine just as one is used.
        self.http.headers["Connection"] = "close"

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.http.get(self.base + path, timeout=PATIENCE, allow_redirects=False, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.http.post(self.base + path, timeout=PATIENCE, allow_redirects=False, **options)

    def csrf(self, path: str = "/auth/login") -> str:
        """The CSRF token of a page."""
        match = re.search(
            r'name="csrf[_-]token"[^>]*(?:value|content)="([^"]+)"', self.get(path).text
        )
        assert match, f"no CSRF token on {path}"
        return match[1]

    def log_in(self, email: str, password: str = PASSWORD) -> requests.Response:
        fields = {"email": email, "password": password, "csrf_token": self.csrf()}
        answer = self.post("/auth/login", data=fields)
        assert answer.status_code == 302, answer.text
        return answer

    def send(self, path: str) -> requests.Response:
        """POST to a JSON route with the page's token."""
        return self.post(path, headers={"X-CSRFToken": self.csrf("/webtrader/dashboard")})

    def cookies(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    def desk(self, **options: Any) -> "DeskClient":
        """A connected page."""
        return DeskClient(self, **options)


class DeskClient:
    """One page of the desk: records every event in order."""

    def __init__(
        self, browser: Browser, transports: tuple[str, ...] = ("websocket",), **headers: str
    ) -> None:
        self.events: list[tuple[str, Any]] = []
        self.client = socketio.Client(reconnection=False)
        self.client.on("*", self._note, namespace="/webtrader")
        self.client.connect(
            browser.base,
            headers={"Cookie": browser.cookies(), **headers},
            namespaces=["/webtrader"],
            transports=list(transports),
            wait_timeout=PATIENCE,
        )

    def _note(self, event: str, *bodies: Any) -> None:
        self.events.append((event, bodies[0] if bodies else None))

    def call(self, event: str, body: Any = None) -> Any:
        """Send an event and wait for its acknowledgement."""
        return self.client.call(event, body, namespace="/webtrader", timeout=PATIENCE)

    def send(self, event: str, body: Any = None) -> None:
        self.client.emit(event, body, namespace="/webtrader")

    def subscribe(self, *symbols: str) -> Any:
        return self.call("subscribe_to_instruments", {"symbols": list(symbols)})

    def bodies(self, event: str) -> list[Any]:
        """The bodies of these events so far."""
        return [body for name, body in self.events if name == event]

    def prices(self, symbol: str) -> list[dict[str, Any]]:
        """The updates of a symbol so far."""
        return [body for body in self.bodies("price_update") if body["symbol"] == symbol]

    def last(self, symbol: str) -> dict[str, Any] | None:
        """The latest update of a symbol."""
        prices = self.prices(symbol)
        return prices[-1] if prices else None

    @property
    def connected(self) -> bool:
        return "/webtrader" in self.client.namespaces and bool(self.client.connected)

    def close(self) -> None:
        close_client(self.client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def close_client(client: socketio.Client) -> None:
    """Disconnect, and close the socket that the library leaves to the garbage collector."""
    websocket = getattr(client.eio, "ws", None)
    client.disconnect()
    if websocket is not None:
        websocket.shutdown()
