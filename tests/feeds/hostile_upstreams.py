"""Calls upstreams that do the worst over HTTP, all at once, on one kind of threads.

`python -m tests.feeds.hostile_upstreams MODE CERTIFICATE KEY` prints by name how each call ended:
those that end by themselves, and those that are closed in the middle.

Long for a reason: it is a list of what upstreams do, each with its few lines.
"""

import sys

from omcrm.concurrency import patch

if __name__ == "__main__":
    patch(sys.argv[1])

import contextlib
import ctypes
import gzip
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

from omcrm.errors import FeedError, FeedUnreached
from omcrm.feeds import dialer
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.news.fetcher import NewsFetcher
from omcrm.feeds.provider import Call, Reply
from tests.feeds.upstream import Serve, Upstream, answering, http
from tests.processes import PATIENCE, wait_for

SECONDS, LARGEST, HOUR = 0.5, 100_000, 3600.0
KEY = "a-very-secret-key"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GIGABYTE = OK + b"Content-Length: 1000000000\r\n\r\n"
TOO_MUCH = f"answer of more than {LARGEST} bytes"
PROXIED = "http://upstream.example/prices"


def dripping(first: bytes, rest: bytes = b"x", pause: float = 0.02) -> Serve:
    """Send these bytes, and then others again and again; without a pause as fast as they go."""

    def serve(client: socket.socket, request: bytes) -> bool:
        client.sendall(first)
        while True:
            client.sendall(rest)
            if pause:
                time.sleep(pause)

    return serve


def silent(client: socket.socket, request: bytes) -> bool:
    """Take the request and send nothing."""
    client.recv(1)
    return False


def flooding(first: bytes, rest: bytes = b"x" * 65536) -> Serve:
    """Send these bytes, and then others without an end."""
    return dripping(first, rest, 0)


def tunneling(port: int) -> Serve:
    """Be a proxy that connects every CONNECT to this port of this machine."""

    def serve(client: socket.socket, request: bytes) -> bool:
        assert request.startswith(b"CONNECT upstream.example:443 ")
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=[server, client])
            back.start()
            _pass_on(client, server)
            back.join(PATIENCE)
        return False

    return serve


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


BOMB = gzip.compress(b"\0" * 10_000_000)
# By name: what the upstream does, and how the call ends.
ENDING: Mapping[str, tuple[Serve, str]] = {
    "never answers": (silent, "timed out"),
    "drips its head": (dripping(b"H"), "timed out"),
    "drips a header": (dripping(OK + b"X: "), "timed out"),
    "drips headers": (dripping(OK, b"X: y\r\n"), "timed out"),
    "drips a body": (dripping(GIGABYTE), "timed out"),
    "drips a body without a length": (dripping(OK + b"\r\n"), "timed out"),
    "drips chunks": (dripping(CHUNKED, b"1\r\nx\r\n"), "timed out"),
    "drips informational answers": (dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "timed out"),
    "a gigabyte": (flooding(GIGABYTE), TOO_MUCH),
    "a gigabyte without a length": (flooding(OK + b"\r\n"), TOO_MUCH),
    "a gigabyte in chunks": (
        flooding(CHUNKED, b"10000\r\n" + b"x" * 0x10000 + b"\r\n"),
        TOO_MUCH,
    ),
    "a gigabyte of informational answers": (
        flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        TOO_MUCH,
    ),
    "a gigabyte in a redirect": (
        flooding(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"),
        TOO_MUCH,
    ),
    "a gigabyte of trailers": (flooding(CHUNKED + b"0\r\n", b"X: y\r\n" * 1000), TOO_MUCH),
    "a bomb": (answering(http(BOMB, "200 OK", "Content-Encoding: gzip")), TOO_MUCH),
    "closes in the middle": (answering(http(b"{}" * 50)[:-5], keep=False), "connection lost"),
    "closes in the middle of a chunk": (
        answering(CHUNKED + b"5\r\n{}", keep=False),
        "connection lost",
    ),
    "redirects": (answering(http(b"", "302 Found", "Location: http://127.0.0.1:1/")), "status 302"),
    "answers": (answering(http()), "status 200"),
}
# The same for proxies, which get a request for PROXIED, or a CONNECT where TLS is wanted.
PROXIES: Mapping[str, tuple[Serve, bool, str]] = {
    "a proxy answers": (answering(http()), False, "status 200"),
    "a proxy never answers": (silent, False, "timed out"),
    "a proxy drips": (dripping(OK), False, "timed out"),
    "a proxy drips before TLS": (dripping(b"HTTP/1.1 200 "), True, "unreached: timed out"),
    "a proxy never connects": (silent, True, "unreached: timed out"),
    "a proxy refuses": (
        answering(http(b"", "407 Who are you?"), keep=False),
        True,
        "unreached: refused by its proxy",
    ),
}
# What is closed in the middle.
CLOSED: Mapping[str, Serve] = {
    "closed before the answer": silent,
    "closed in the head": dripping(OK + b"X: "),
    "closed in the body": dripping(GIGABYTE),
    "closed in a body without a length": dripping(OK + b"\r\n"),
}


def ending(ask: Callable[[], Reply | None]) -> str:
    """How a call ended, without a secret."""
    try:
        reply = ask()
    except FeedUnreached as error:
        return f"unreached: {error}".replace(KEY, "the key!")
    except FeedError as error:
        return str(error).replace(KEY, "the key!")
    return "nothing" if reply is None else f"status {reply.status}"


def get(url: str, expected: str = "") -> str:
    """How a call to `url` ends by itself; in little time only where that is what it waits for."""
    seconds = SECONDS if expected.endswith("timed out") else PATIENCE
    with contextlib.closing(Fetcher(seconds, LARGEST)) as fetcher:
        return ending(lambda: fetcher.get(Call(f"{url}?token={KEY}", (), {"X-Key": KEY})))


def closed_call(url: str, begun: Callable[[], object]) -> str:
    """How a call ends that could take an hour, and is closed once `begun` is true."""
    fetcher, endings = Fetcher(HOUR, LARGEST), list[str]()
    thread = threading.Thread(
        target=lambda: endings.append(ending(lambda: fetcher.get(Call(url, ()))))
    )
    thread.start()
    wait_for(begun, what="the call")
    # Not only when it begins: while it waits.
    time.sleep(0.2)
    fetcher.close()
    thread.join(PATIENCE)
    return endings[0] if endings else "still running"


# Special upstreams


def secured(certificate: str, key: str) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@contextlib.contextmanager
def mute() -> Iterator[int]:
    """A port at which connections wait forever: its queue is full."""
    with socket.socket() as listener, contextlib.ExitStack() as fillers:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield int(listener.getsockname()[1])


class SlowResolver:
    """Takes the place of the system's look-up: every name waits, and is this machine then."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._native = ctypes.CDLL(None)
        self._reader, self._writer = os.pipe()

    def __call__(self, host: str, port: int, *options: int) -> object:
        """The addresses; a name's only after `answer`."""
        if host == "slow.example":
            if socket.AI_NUMERICHOST in options:
                raise socket.gaierror
            self.asked.append(host)
            # Blocks its thread of the system, as a look-up does.
            self._native.read(self._reader, ctypes.create_string_buffer(1), 1)
            host = "127.0.0.1"
        return system_look_up(host, port, *options)

    def answer(self) -> None:
        """Let one look-up end."""
        os.write(self._writer, b"x")


system_look_up = dialer._getaddrinfo


def looked_up() -> dict[str, str]:
    """Names that the system looks up for long: other threads run, and `close` ends the wait."""
    resolver = SlowResolver()
    dialer._getaddrinfo = resolver
    results: dict[str, str] = {}
    try:
        with Upstream(answering(http())) as upstream:
            url = f"http://slow.example:{upstream.port}/"
            thread = threading.Thread(target=lambda: results.update({"a slow name": get(url)}))
            thread.start()
            wait_for(lambda: resolver.asked, what="the look-up")
            # With a hub that the look-up blocks this line would not be reached.
            resolver.answer()
            thread.join(PATIENCE)
            results["a name without an end"] = get(url, "timed out")
            results["closed in a look-up"] = closed_call(url, lambda: 3 == len(resolver.asked))
    finally:
        dialer._getaddrinfo = system_look_up
        for _ in resolver.asked:
            resolver.answer()
    return results


def proxied(certificate: str, key: str) -> dict[str, str]:
    """Calls by way of proxies, which the environment names."""
    results: dict[str, str] = {}
    for name, (serve, with_tls, expected) in PROXIES.items():
        with Upstream(serve) as proxy:
            os.environ["http_proxy"] = os.environ["https_proxy"] = proxy.url
            url = PROXIED.replace("http:", "https:") if with_tls else PROXIED
            results[name] = _without_prefix(get(url, expected), expected)
            if name == "a proxy answers":
                assert proxy.requests[0].startswith(f"GET {PROXIED}?token=".encode())
            if serve is silent:
                results[f"closed: {name}"] = closed_call(url, lambda: 2 == len(proxy.requests))
    with (
        Upstream(answering(http()), secured(certificate, key)) as upstream,
        Upstream(tunneling(upstream.port)) as proxy,
    ):
        os.environ["https_proxy"] = proxy.url
        results["TLS by way of a proxy"] = get("https://upstream.example/")
    return results


def encrypted(certificate: str, key: str) -> dict[str, str]:
    """TLS, and TLS that goes wrong."""
    results: dict[str, str] = {}
    with Upstream(answering(http()), secured(certificate, key)) as upstream:
        results["TLS"] = get(f"https://localhost:{upstream.port}/")
        results["a wrong certificate"] = get(f"https://127.0.0.1:{upstream.port}/")
    hello = b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb"
    for name, greet in {"TLS never answers": None, "TLS drips": dripping(hello)}.items():
        with Upstream(silent, greet=greet) as upstream:
            results[name] = get(f"https://127.0.0.1:{upstream.port}/", "timed out")
    return results


def connecting() -> dict[str, str]:
    """Connections that nobody accepts."""
    results: dict[str, str] = {}
    with mute() as port:
        url = f"http://127.0.0.1:{port}/"
        results["nobody accepts"] = get(url, "timed out")
        results["closed while it connects"] = closed_call(url, lambda: True)
    return results


def redirected() -> dict[str, str]:
    """News that lead to a private address."""
    with Upstream(answering(http(b"", "302 Found", "Location: http://127.0.0.2:1/"))) as upstream:
        fetcher = NewsFetcher(upstream.url, inside=lambda address: address == "127.0.0.2")
        with contextlib.closing(fetcher):
            return {"news redirect inside": ending(lambda: fetcher.ask(datetime.now(UTC)))}


def simple(name: str, serve: Serve) -> dict[str, str]:
    """One of the upstreams that need nothing else."""
    with Upstream(serve) as upstream:
        if name in CLOSED:
            return {name: closed_call(f"{upstream.url}/", lambda: upstream.requests)}
        expected = EXPECTED[name]
        return {name: _without_prefix(get(f"{upstream.url}/", expected), expected)}


def _without_prefix(words: str, expected: str) -> str:
    # A busy machine may not even connect within the short time that such a call has.
    return expected if words == f"unreached: {expected}" == "unreached: timed out" else words


def main(certificate: str, key: str) -> dict[str, str]:
    """How every call ended."""
    results: dict[str, str] = {}
    os.environ["no_proxy"] = "slow.example"
    serves = {name: serve for name, (serve, _) in ENDING.items()} | dict(CLOSED)
    calls = [partial(simple, name, serve) for name, serve in serves.items()]
    calls += [connecting, redirected, looked_up]  # type: ignore[list-item]
    calls += [partial(proxied, certificate, key), partial(encrypted, certificate, key)]
    threads = [
        threading.Thread(target=lambda call=call: results.update(call()))  # type: ignore[misc]
        for call in calls
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


EXPECTED: Mapping[str, str] = {
    **{name: words for name, (_, words) in ENDING.items()},
    **{name: words for name, (_, _, words) in PROXIES.items()},
    **dict.fromkeys(CLOSED, "stopped"),
    "closed: a proxy never answers": "stopped",
    "closed: a proxy never connects": "unreached: stopped",
    "news redirect inside": "redirected to a private address",
    "nobody accepts": "unreached: timed out",
    "closed while it connects": "unreached: stopped",
    "TLS by way of a proxy": "status 200",
    "TLS": "status 200",
    "a wrong certificate": "unreached: its certificate is not valid",
    "TLS never answers": "unreached: timed out",
    "TLS drips": "unreached: timed out",
    "a slow name": "status 200",
    "a name without an end": "unreached: timed out",
    "closed in a look-up": "unreached: stopped",
}

if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[2:4])))
