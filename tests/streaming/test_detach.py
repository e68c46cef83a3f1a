"""Long for a reason: every server has to pass the same tests, seen from its client's side."""

import contextlib
import json
import os
import select
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from gunicorn.http.unreader import SocketUnreader

from omcrm.streaming.detach import NotDetachable, detach, end_request
from tests.conftest import missing
from tests.process_table import children, descriptors
from tests.processes import PATIENCE, Process, free_port, wait_for

OWN = [sys.executable, "-m", "tests.streaming.detach_app"]
GUNICORN = [sys.executable, "-m", "gunicorn", "--workers", "1", "--log-level", "warning"]
APP = "tests.streaming.detach_app:app"
# A single thread each: a detached connection must release it.
WORKERS = {
    "gunicorn on eventlet": ["-k", "omcrm.serving.worker.EventletWorker"],
    "gunicorn on gevent": ["-k", "omcrm.serving.worker.GeventWorker"],
    "gunicorn on threads": ["-k", "omcrm.serving.worker.ThreadWorker"],
}
PLAIN = ["eventlet", "gevent", "threading", *WORKERS]
TLS = [f"{worker}, TLS" for worker in WORKERS]
MANY = 50

# gunicorn's control socket delays a stop.
SETTINGS = "control_socket_disable = True"

UPGRADE = b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SMUGGLED = b"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"


class Client:
    """One connection to a server."""

    def __init__(self, served: "Served") -> None:
        self.sock = socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE)
        if served.trust is not None:
            trust = served.trust
            self.sock = trust.wrap_socket(
                self.sock, server_hostname="127.0.0.1", suppress_ragged_eofs=False
            )

    def upgrade(self, path: bytes = b"/take", behind: bytes = b"") -> dict[str, str]:
        """Request the upgrade, with `behind` in the same segment; the headers of the answer."""
        self.sock.sendall(UPGRADE % path + behind)
        status, *lines = self.head()
        assert "101" in status, status
        return dict(line.split(": ") for line in lines)

    def head(self) -> list[str]:
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            chunk = self.sock.recv(1)
            assert chunk, received
            received += chunk
        return received.decode().split("\r\n")[:-2]

    def get(self, path: str, *headers: str) -> str:
        """The body of an answer; the connection stays open if the server keeps it."""
        lines = "".join(f"{line}\r\n" for line in (f"GET {path} HTTP/1.1", "Host: a", *headers))
        self.sock.sendall(f"{lines}\r\n".encode())
        facts = "\n".join(self.head()).lower()
        if "chunked" in facts:
            whole = b""
            while not whole.endswith(b"\r\n0\r\n\r\n"):
                whole += self.sock.recv(1)
            return whole.split(b"\r\n")[1].decode()
        return self.exactly(int(facts.split("content-length: ")[1].split()[0])).decode()

    def exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            chunk = self.sock.recv(size - len(received))
            assert chunk, received
            received += chunk
        return received

    def exchange(self, data: bytes) -> bytes:
        """The echo of `data`, read while sending; in one thread, as TLS requires."""
        back, rest = bytearray(), memoryview(data)
        until = time.monotonic() + PATIENCE
        self.sock.setblocking(False)
        while len(back) < len(data) and time.monotonic() < until:
            select.select([self.sock], [self.sock] if rest else [], [], 1)
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                rest = rest[self.sock.send(rest[:65536]) :] if rest else rest
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                while chunk := self.sock.recv(65536):
                    back += chunk
        return bytes(back)

    def rest(self) -> bytes:
        """All bytes until the server closes the connection."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while chunk := self.sock.recv(65536):
                received += chunk
        return received

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()


class Served(Process):
    """The app under one of the servers."""

    def __init__(self, folder: Path, name: str, certificate: Path) -> None:
        kind, _, tls = name.partition(", ")
        self.port = free_port()
        self.trust: ssl.SSLContext | None = None
        command = [*OWN, kind, str(self.port)]
        if kind in WORKERS:
            command = [*GUNICORN, *WORKERS[kind], "-b", f"127.0.0.1:{self.port}"]
            command += ["-c", str(folder / "settings.py"), APP]
        if tls:
            command[-1:-1] = ["--certfile", str(certificate), "--keyfile", str(certificate)]
            self.trust = ssl.create_default_context(cafile=str(certificate))
        super().__init__(command, {}, folder / f"{name}.log")

    def answers(self) -> bool:
        assert self.process.poll() is None, self.output()
        try:
            return bool(self.state())
        except OSError:
            return False

    def state(self) -> dict[str, int]:
        """The app's own state."""
        return self.ask("/state")

    def ask(self, path: str) -> dict[str, int]:
        with Client(self) as client:
            received: dict[str, int] = json.loads(client.get(path, "Connection: close"))
            return received

    @property
    def worker(self) -> int:
        """The process that serves."""
        return next(iter(children(self.pid)), self.pid)

    def costs(self) -> tuple[int, int, int]:
        """The numbers of descriptors, threads and green threads, once they are stable."""
        greenlets = self.state()["greenlets"]
        seen: list[tuple[int, int]] = []
        while len(seen) < 5 or len(set(seen[-5:])) > 1:
            threads = len(os.listdir(f"/proc/{self.worker}/task"))
            seen.append((len(descriptors(self.worker)), threads))
            time.sleep(0.02)
        return *seen[-1], greenlets

    def wait_for(self, most: tuple[int, int, int]) -> None:
        """Wait until no cost is above `most`; an earlier test's connection may end meanwhile."""
        seen: list[tuple[int, int, int]] = []

        def is_done() -> bool:
            seen.append(self.costs())
            return all(cost <= limit for cost, limit in zip(seen[-1], most, strict=True))

        try:
            wait_for(is_done)
        except AssertionError:
            raise AssertionError(f"its costs stayed {seen[-1]}, above {most}") from None

    def seconds_worked(self) -> float:
        """The processor time used so far."""
        fields = Path(f"/proc/{self.worker}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its certificate, in one file."""
    openssl = shutil.which("openssl") or missing("openssl, to make a certificate") or ""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", *kind, *names, "-keyout", str(path), "-out", "-"]
    made = subprocess.run(command, capture_output=True, check=True)
    with path.open("ab") as file:
        file.write(made.stdout)
    return path


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, certificate: Path
) -> Iterator[dict[str, Served]]:
    """All of them, started at once."""
    folder = tmp_path_factory.mktemp("servers")
    (folder / "settings.py").write_text(SETTINGS)
    with contextlib.ExitStack() as running:
        started = {
            name: running.enter_context(Served(folder, name, certificate))
            for name in [*PLAIN, *TLS]
        }
        for server in started.values():
            wait_for(server.answers, 30, "the server")
        yield started
        stop(started)


def stop(servers: dict[str, Served]) -> None:
    """End all at once."""
    with ThreadPoolExecutor(len(servers)) as pool:
        list(pool.map(Served.stop, servers.values()))


@pytest.fixture(params=[*PLAIN, *TLS])
def served(servers: dict[str, Served], request: pytest.FixtureRequest) -> Served:
    """Each of the servers."""
    return servers[request.param]


plainly = pytest.mark.parametrize("served", PLAIN, indirect=True)
over_tls = pytest.mark.parametrize("served", TLS, indirect=True)


def test_a_detached_connection_stays_open(served: Served) -> None:
    """Everything sent is echoed, large data too, on a socket of the system's own type."""
    much = os.urandom(3_000_000)
    with Client(served) as client:
        headers = client.upgrade()

        assert much == client.exchange(much)
    assert "_socket.socket" == headers["X-Class"]


def test_bytes_after_the_upgrade_are_no_request(served: Served) -> None:
    """They go to the app that detached: with the request, later, and after the end."""
    before = served.state()["executed"]
    with Client(served) as client:
        headers = client.upgrade(behind=SMUGGLED)
        immediately = client.exactly(len(SMUGGLED))
        client.sock.sendall(SMUGGLED)
        later = client.exactly(len(SMUGGLED))
        client.sock.sendall(b"bye")
        end = client.rest()
        with contextlib.suppress(OSError):
            client.sock.sendall(SMUGGLED)
        after = client.rest()

    assert str(len(SMUGGLED)) == headers["X-Early"]
    assert (SMUGGLED, SMUGGLED, b"bye", b"") == (immediately, later, end, after)
    assert before == served.state()["executed"]


@pytest.mark.parametrize("behind", [SMUGGLED, SMUGGLED * 200], ids=["little", "much"])
def test_unread_bytes_are_no_request(served: Served, behind: bytes) -> None:
    """Not even if the connection is closed with all of them unread."""
    before = served.state()["executed"]
    with Client(served) as client:
        client.upgrade(b"/hold", behind)
        served.ask("/release")
        client.rest()
        with contextlib.suppress(OSError):
            client.sock.sendall(behind)

    assert before == served.state()["executed"]


def warm_up(served: Served) -> tuple[int, int, int]:
    """The costs of an idle server, after first use has filled its thread pools."""
    with contextlib.ExitStack() as clients:
        for _ in range(MANY):
            clients.enter_context(Client(served)).upgrade(b"/hold")
        served.ask("/release")
    # Each answer lets the server run: costs that stay the same are those of an idle one.
    measured = [served.costs()]
    while len(measured) < 5 or len(set(measured[-5:])) > 1:
        time.sleep(0.1)
        measured.append(served.costs())
    return measured[-1]


@plainly
def test_the_request_releases_its_resources(served: Served) -> None:
    """The request ends at once with its thread; only the detached descriptors stay."""
    before = warm_up(served)
    with contextlib.ExitStack() as clients:
        for _ in range(MANY):
            clients.enter_context(Client(served)).upgrade(b"/hold")
        assert MANY == served.state()["held"]
        served.wait_for((before[0] + MANY, *before[1:]))
        served.ask("/release")
    served.wait_for(before)


@over_tls
def test_tls_releases_its_resources_at_the_end(served: Served) -> None:
    """It costs a thread while it lasts and nothing afterwards, whichever side ends it."""
    before = warm_up(served)
    with contextlib.ExitStack() as clients:
        for _ in range(MANY):
            clients.enter_context(Client(served)).upgrade(b"/hold")
        assert MANY == served.state()["held"]
        served.ask("/release")
        served.wait_for(before)
    with contextlib.ExitStack() as clients:
        for _ in range(MANY):
            clients.enter_context(Client(served)).upgrade()
    served.wait_for(before)

    assert "" == served.output()


@over_tls
def test_tls_ends_with_close_notify(served: Served) -> None:
    """The last bytes arrive, and then TLS's close_notify, not only the end of TCP."""
    with Client(served) as client:
        client.upgrade()
        client.sock.sendall(b"x" * 100_000 + b"bye")

        assert b"x" * 100_000 + b"bye" == client.exactly(100_003)
        assert b"" == client.sock.recv(1)


@over_tls
def test_tls_buffers_little(served: Served) -> None:
    """Without a reader the client is blocked: only a few chunks are buffered."""
    with Client(served) as client:
        client.upgrade(b"/hold")
        client.sock.settimeout(0.3)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64_000_000:
                sent += client.sock.send(bytes(65536))
        served.ask("/release")

    assert sent < 30_000_000


def test_unread_bytes_cost_no_cpu(servers: dict[str, Served]) -> None:
    """No server still polls a detached socket, even if it polled it before."""
    with contextlib.ExitStack() as clients:
        for name in PLAIN:
            client = clients.enter_context(Client(servers[name]))
            if name != "threading":
                client.get("/state")
                # Lets the server start waiting for the next request.
                time.sleep(0.1)
            client.upgrade(b"/hold")
            client.sock.sendall(b"unread")
        before = {name: servers[name].seconds_worked() for name in PLAIN}
        time.sleep(1)
        worked = {name: servers[name].seconds_worked() - before[name] for name in PLAIN}
        for name in PLAIN:
            servers[name].ask("/release")

    assert {} == {name: seconds for name, seconds in worked.items() if seconds > 0.2}


BODY = "POST /take HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{}\r\n\r\n{}"


@pytest.mark.parametrize(
    ("header", "body"),
    [("Content-Length: 5", "hello"), ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n")],
    ids=["counted", "chunked"],
)
@plainly
def test_a_request_with_a_body_is_not_detached(served: Served, header: str, body: str) -> None:
    """Its body could be read as early data; the app answers as usual."""
    with Client(served) as client:
        client.sock.sendall(BODY.format(header, body).encode())

        assert "400" in client.head()[0]


@pytest.mark.parametrize(
    "environ",
    [
        {"SERVER_PROTOCOL": "HTTP/1.1"},
        {"SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "waitress"},
        {"SERVER_PROTOCOL": "HTTP/2.0", "gunicorn.socket": None},
    ],
    ids=["nameless", "unknown", "HTTP/2"],
)
def test_undetachable_requests_are_refused(environ: dict[str, Any]) -> None:
    """NotDetachable is raised before anything is changed."""
    with pytest.raises(NotDetachable):
        detach(environ)


@pytest.fixture
def tls(certificate: Path) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """Both ends of a TLS connection: the client's and the server's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trust = ssl.create_default_context(cafile=str(certificate))
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        ThreadPoolExecutor(1) as other,
        socket.create_connection(listener.getsockname()) as plain,
        listener.accept()[0] as accepted,
    ):
        greeting = other.submit(trust.wrap_socket, plain, server_hostname="127.0.0.1")
        with context.wrap_socket(accepted, server_side=True) as server, greeting.result() as client:
            yield client, server


def as_served(server: ssl.SSLSocket) -> dict[str, Any]:
    body = SimpleNamespace(reader=SimpleNamespace(unreader=SocketUnreader(server)))
    return {"SERVER_PROTOCOL": "HTTP/1.1", "gunicorn.socket": server, "wsgi.input": body}


def test_no_decrypted_bytes_are_left(tls: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
    """A server that reads the next request gets the end, though the client sent more."""
    client, server = tls
    for _ in range(5):
        client.sendall(SMUGGLED)
    environ = as_served(server)
    unreader = environ["wsgi.input"].reader.unreader
    unreader.unread(server.recv(len(SMUGGLED)))
    detached = detach(environ)
    detached.socket.close()
    with pytest.raises(StopIteration):
        end_request(environ)

    assert SMUGGLED == detached.early
    assert b"" == unreader.read()


def test_late_writes_reach_no_other_socket(tls: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
    """What a server still writes in TLS is discarded, even if the descriptor number is reused."""
    _, server = tls
    number = server.fileno()
    environ = as_served(server)
    detach(environ).socket.close()
    with pytest.raises(StopIteration):
        end_request(environ)
    with contextlib.ExitStack() as opened:
        others = [opened.enter_context(sock) for _ in "123" for sock in socket.socketpair()]
        assert number in [other.fileno() for other in others]
        with pytest.raises(BrokenPipeError):
            server.sendall(b"late")
        for other in others:
            other.setblocking(False)
            with pytest.raises(BlockingIOError):
                other.recv(1)


def test_a_stalled_tls_client_is_disconnected(
    tls: tuple[ssl.SSLSocket, ssl.SSLSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that reads nothing is disconnected, also after the other side has closed."""
    monkeypatch.setattr("omcrm.streaming.detach._STALLED", 0.5)
    environ = as_served(tls[1])
    with ThreadPoolExecutor(1) as other:
        detached = detach(environ).socket
        leaving = other.submit(end_request, environ)
        with contextlib.suppress(BlockingIOError):
            while True:
                detached.send(bytes(65536))
                time.sleep(0.001)
        detached.close()

        with pytest.raises(StopIteration):
            leaving.result(20)


def test_term_ends_all_servers(servers: dict[str, Served]) -> None:
    """With connections still detached, every server exits with 0 and logs nothing."""
    with contextlib.ExitStack() as clients:
        for name in PLAIN:
            clients.enter_context(Client(servers[name])).upgrade(b"/hold")
        stop(servers)

    assert dict.fromkeys(servers, 0) == {
        name: item.process.returncode for name, item in servers.items()
    }
    assert dict.fromkeys(servers, "") == {name: item.output() for name, item in servers.items()}
