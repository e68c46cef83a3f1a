"""The seven faults of the plain stack: one test each, under every server offered."""

import contextlib
import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.hostile import (
    BEHIND_A_PROXY,
    CONNECT_TIMEOUT,
    GONE_WITHIN,
    JOIN,
    PONG,
    SOCKET,
    Besieged,
    Siege,
    all_servers,
    everywhere,
    is_ping,
    many_files,
)
from tests.processes import Exchange, wait_for
from tests.streaming.raw_client import CLOSE, PING, RawClient, closing, frame, text, upgrade

SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
ATTACKERS = 60
CROWD = 1200


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Besieged]]:
    """All of them, with prices that move."""
    folder = tmp_path_factory.mktemp("besieged")
    with many_files(), Exchange(folder) as exchange, all_servers(folder, exchange.url) as running:
        yield running


def test_f1_no_request_is_answered_after_a_websocket(servers: list[Besieged]) -> None:
    """HTTP behind the upgrade, behind a close, and behind a fault is for nobody."""

    def smuggle(server: Besieged, siege: Siege) -> None:
        for before in (closing(), frame(3), b"", text("abc"), text("41")):
            with server.stranger() as client:
                client.send(before + SMUGGLED)
                with contextlib.suppress(OSError):
                    client.send(SMUGGLED * 2)
                said = client.rest()
            assert b"HTTP/1" not in said, said
            assert b"healthz" not in said
        with RawClient.connect(server.port) as client:
            client.send(upgrade(SOCKET) + SMUGGLED)
            assert 101 == client.read_head()
            assert b"HTTP/1" not in client.rest()

    everywhere(servers, smuggle)


def test_f2_who_keeps_a_closed_connection_stops_nobody(servers: list[Besieged]) -> None:
    """Clients that do not end their side after `Connection: close` cost the others nothing."""

    def linger(server: Besieged, siege: Siege) -> None:
        with ExitStack() as stack:
            for _ in range(10):
                client = stack.enter_context(RawClient.connect(server.port))
                client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                assert 200 == client.read_head()
            began = time.monotonic()
            for _ in range(5):
                assert server.answers()
            assert time.monotonic() - began < 10

    everywhere([each for each in servers if each.name not in BEHIND_A_PROXY], linger)


def test_f3_nonsense_is_neither_answered_nor_logged(servers: list[Besieged]) -> None:
    """Three bytes cost a client its connection and the log nothing; no traceback leaves."""

    def babble(server: Besieged, siege: Siege) -> None:
        for said in (text("abc"), b"abc", text("4abc"), frame(2, b"abc")):
            for _ in range(20):
                with server.stranger() as client:
                    client.send(said)
                    answer = client.rest()
                assert b"Traceback" not in answer
                assert b"File" not in answer
                assert len(answer) < 100
        status, body = server.ask(server.polling(), body=b"abc")
        assert 400 == status
        assert b"File" not in body

    everywhere(servers, babble)


def test_f4_silent_peers_are_gone_in_time(servers: list[Besieged]) -> None:
    """Silent WebSockets, stalled upgrades and peers that stop answering pings, sixty of each.

    Descriptors, threads, memory and the app's own count of connections are back.
    """

    def fall_silent(server: Besieged, siege: Siege) -> None:
        with ExitStack() as stack:
            for number in range(ATTACKERS):
                stack.enter_context(server.stranger())
                path = server.polling().replace("polling", "websocket")
                behind = text("2probe") if number % 2 else b""
                stack.enter_context(RawClient.open(server.port, path, behind=behind))
                stack.enter_context(server.trader())
            assert siege.before.sessions < server.cost().sessions
            began = time.monotonic()
            wait_for(siege.is_back, GONE_WITHIN, "all to be as before")
            print(f"{server.name}: gone after {time.monotonic() - began:.1f} s")

    everywhere(servers, fall_silent)


def test_f5_attachments_are_counted_and_weighed(servers: list[Besieged]) -> None:
    """More than ten are refused; ten at their largest, never completed, cost what they weigh."""
    places = [{"_placeholder": True, "num": number} for number in range(11)]
    eleven = text(f"511-/webtrader,{json.dumps(['ping', *places])}")
    ten = text(f"510-/webtrader,{json.dumps(['ping', *places[:10]])}")
    attachment = frame(2, bytes(16 * 1024))

    def attach(server: Besieged, siege: Siege) -> None:
        with server.trader(eleven) as client:
            assert CLOSE == [each.opcode for each in client.frames()][-1]
        with ExitStack() as stack:
            clients = [stack.enter_context(server.trader()) for _ in range(20)]
            for client in clients:
                client.send(ten, attachment * 9)
            assert server.answers()
            assert siege.grown() < 32
            for client in clients:
                # The event is whole; one more belongs to nothing.
                client.send(attachment * 2)
                assert CLOSE == [each.opcode for each in client.frames()][-1]

    everywhere(servers, attach)


def test_f6_who_joins_nothing_is_sent_away(servers: list[Besieged]) -> None:
    """Pongs keep nobody who never connects to a namespace, or was refused there."""

    def pong(client: RawClient) -> float:
        began = time.monotonic()
        for each in client.frames():
            if is_ping(each):
                client.send(PONG)
        return time.monotonic() - began

    def hang_on(server: Besieged, siege: Siege) -> None:
        with server.stranger() as silent, server.stranger() as refused, server.trader() as left:
            refused.send(JOIN)
            assert refused.read().payload.startswith(b"44/webtrader,")
            left.send(text("41/webtrader,"))
            for each in (silent, refused, left):
                assert pong(each) < CONNECT_TIMEOUT + GONE_WITHIN

    everywhere(servers, hang_on)


def test_f7_more_than_a_thousand_at_once(servers: list[Besieged]) -> None:
    """All are connected and told prices; plain HTTP is answered as ever; then all is back."""

    def gather(server: Besieged, siege: Siege) -> None:
        with Crowd() as crowd:
            for _ in range(CROWD):
                crowd.add(server.trader())
            wait_for(lambda: server.status()["clients"]["connections"] >= CROWD, 10, "all")
            for _ in range(3):
                assert server.answers()
            time.sleep(1)
            assert CROWD <= server.cost().connections

    everywhere(servers, gather, at_once=False)


class Crowd:
    """Well-behaved clients, served by one thread: they read all, and answer pings."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._clients: list[socket.socket] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def add(self, client: RawClient) -> None:
        """Look after this one, too."""
        client.sock.setblocking(False)
        self._clients.append(client.sock)
        self._selector.register(client.sock, selectors.EVENT_READ)

    def _run(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(0.1):
                self._serve(key.fileobj)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            data = sock.recv(65536)
            if b"\x81\x012" in data or bytes([0x80 | PING]) == data[:1]:
                sock.send(PONG)
            if not data:
                self._selector.unregister(sock)

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for each in self._clients:
            each.close()
        self._selector.close()
