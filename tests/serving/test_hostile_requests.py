import itertools
import random
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes import PATIENCE, wait_for
from tests.serving.served import Served, rest

# A request that must never be served: it follows one that no server may accept.
BEHIND = b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"
ANSWER = re.compile(rb"(?m)^HTTP/1\.\d \d{3} ")


# Invalid requests


def head(*lines: bytes, method: bytes = b"POST") -> bytes:
    return b"\r\n".join([method + b" /echo HTTP/1.1", b"Host: a", *lines, b"", b""])


AMBIGUOUS = {
    "two equal lengths": head(b"Content-Length: 3", b"Content-Length: 3") + b"abc",
    "two lengths": head(b"Content-Length: 3", b"content-length: 0") + b"abc",
    **{
        f"length {text!r}": head(b"Content-Length: " + text) + b"abc"
        for text in (b"+0", b"-1", b"0x3", b"3 3", b"3,3", b"1_0", b"3.0", b"\xb3", b"", b"3\x00")
    },
    "space before the colon": head(b"Content-Length : 3") + b"abc",
    "tab before the colon": head(b"Transfer-Encoding\t: chunked") + b"0\r\n\r\n",
    "length and coding": head(b"Content-Length: 3", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    **{
        f"coding {text!r}": head(b"Transfer-Encoding: " + text) + b"0\r\n\r\n"
        for text in (
            b"xchunked",
            b"chunked, identity",
            b"chunked, chunked",
            b"identity",
            b"\x0bchunked",
            b"chunked;q=1",
            b"gzip",
        )
    },
    "two codings": head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "folded": head(b"A: b", b" c") + b"abc",
    "no colon": head(b"Content-Length 3") + b"abc",
    "space in a name": head(b"Content Length: 3") + b"abc",
    "bare line feed": b"POST /echo HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc",
    "null in a value": head(b"A: b\x00c"),
    "two hosts": head(b"Host: b"),
    "no version": b"GET /echo\r\nHost: a\r\n\r\n",
    "version 3": b"GET /echo HTTP/3.0\r\nHost: a\r\n\r\n",
    "two spaces": b"GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "not HTTP": b"hello?\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "long line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    "many fields": head(*[b"A%d: b" % number for number in range(500)]),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_requests_are_refused(served: Served, name: str) -> None:
    """A proxy may parse them differently: neither they nor anything after them is served."""
    answer = served.ask(AMBIGUOUS[name] + BEHIND)

    assert re.match(rb"HTTP/1\.[01] (400|414|417|431|501|505) ", answer), answer[:200]
    assert 1 == len(ANSWER.findall(answer)), answer


@pytest.mark.parametrize(
    "chunks",
    [
        b"+1\r\na\r\n",
        b"0x1\r\na\r\n",
        b"1_0\r\n",
        b" 1\r\na\r\n",
        b"1\r\nab\r\n",
        b"-1\r\n",
        b"\r\n",
    ],
)
def test_an_invalid_chunk_is_refused(served: Served, chunks: bytes) -> None:
    """Where a chunk ends must be certain: nothing after it is read as a request."""
    answer = served.ask(head(b"Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n" + BEHIND)

    assert not answer.startswith(b"HTTP/1.1 200"), answer[:200]
    assert len(ANSWER.findall(answer)) <= 1, answer


def nonsense(seed: int) -> bytes:
    """A damaged request, a different one for each seed."""
    dice = random.Random(seed)
    whole = bytearray(dice.choice([*AMBIGUOUS.values(), BEHIND, head(b"Content-Length: 0")]))
    for _ in range(dice.randrange(8)):
        at = dice.randrange(len(whole) + 1)
        whole[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    return bytes(whole[: dice.randrange(len(whole) + 1)] if dice.random() < 0.3 else whole)


def test_invalid_requests_do_not_flood_the_log(served: Served) -> None:
    """One line a second, no traceback, and other clients are served."""
    served.get("/")
    began, before = time.monotonic(), served.output()
    for seed in range(400):
        with served.connect() as client:
            client.sendall(nonsense(seed))
            client.shutdown(socket.SHUT_WR)
            if seed % 2:
                rest(client)
    assert b" 200 " in served.get("/")
    lines = served.output()[len(before) :].splitlines()

    # There may be one more line at either end of the time.
    assert len(lines) <= time.monotonic() - began + 2, lines
    assert not [line for line in lines if "Traceback" in line]


def test_the_log_counts_dropped_lines(served: Served) -> None:
    """The line has its time, its level and the number of similar ones."""

    def is_counted() -> bool:
        served.ask(b"nonsense\r\n\r\n")
        return "more like it)" in served.output()

    wait_for(is_counted, 60, "the count")
    line = next(line for line in served.output().splitlines() if "more like it)" in line)
    assert re.search(r"\d\d:\d\d:\d\d.*WARNING", line), line


# Slow clients


def drip(client: socket.socket, pieces: bytes) -> bytes:
    """Send byte after byte until the server answers or disconnects; its answer."""
    try:
        for piece in itertools.cycle(pieces):
            client.sendall(bytes([piece]))
            client.settimeout(0.2)
            try:
                if not (answer := client.recv(4096)):
                    return b""
            except TimeoutError:
                continue
            client.settimeout(PATIENCE)
            return answer + rest(client)
    except ConnectionError:
        pass
    return b""


DRIPS = {
    "head": (b"GET / HTTP/1.1\r\nA: ", b"b"),
    "fields": (b"GET / HTTP/1.1\r\n", b"A: b\r\n"),
    "empty lines": (b"\r\n", b"\r\n"),
    "body": (head(b"Content-Length: 100000"), b"a"),
    "chunks": (head(b"Transfer-Encoding: chunked"), b"1\r\na\r\n"),
    "trailers": (head(b"Transfer-Encoding: chunked") + b"0\r\n", b"A: b\r\n"),
}


def test_slow_requests_end(served: Served) -> None:
    """Requests sent byte by byte are ended, other clients are served, and nothing is left."""
    clients = {name: served.connect() for name in DRIPS}
    for name, client in clients.items():
        client.sendall(DRIPS[name][0])
    with ThreadPoolExecutor(len(DRIPS)) as pool:
        answers = pool.map(lambda name: drip(clients[name], DRIPS[name][1]), DRIPS)

        assert b" 200 " in served.get("/")
        assert not [answer for answer in answers if b" 200 " in answer]
    for client in clients.values():
        client.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HT", head(b"Content-Length: 4") + b"bod"])
def test_silent_clients_are_disconnected(served: Served, begun: bytes) -> None:
    """A client that sends nothing, or stops in the middle, is not waited for."""
    with served.connect() as client:
        client.sendall(begun)

        assert b" 200 " not in rest(client)


def test_a_kept_connection_ends(served: Served) -> None:
    """A client that sends no further request is disconnected after the keepalive time."""
    with served.connect() as client:
        client.sendall(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")

        assert 1 == rest(client).count(b" 200 ")


def test_many_half_requests_do_not_delay_others(served: Served) -> None:
    """Hundreds of clients stop in the middle or never read; others are answered."""
    half = [b"GET / HTTP/1.1\r\nHost:", head(b"Content-Length: 4") + b"bod", b"", head()]
    clients = [served.connect() for _ in range(300)]
    for number, client in enumerate(clients):
        client.sendall(half[number % len(half)])

    assert b" 200 " in served.get("/")
    for client in clients:
        client.close()
