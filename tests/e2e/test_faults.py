"""The seven faults of the plain stack, and hostile clients, under every server offered.

Long for a reason: they share the servers, whose start takes its time.
"""

import contextlib
import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from omcrm.concurrency import MODES
from omcrm.market.catalogue import CATALOGUE
from tests.e2e.absurdities import absurdities
from tests.e2e.hostile import (
    CONNECT_TIMEOUT,
    GONE_WITHIN,
    JOIN,
    POLLING,
    PONG,
    SERVERS,
    SOCKET,
    Measurement,
    ServerUnderTest,
    event,
    everywhere,
    is_ping,
    many_files,
    started,
)
from tests.e2e.well_behaved_clients import WellBehavedClients
from tests.launched import LONGEST_STOP
from tests.processes import PATIENCE, App, Exchange, wait_for
from tests.streaming.raw_client import (
    CLOSE,
    PING,
    TEXT,
    RawClient,
    closing,
    frame,
    text,
    upgrade,
)

SYMBOLS = [instrument.symbol for instrument in CATALOGUE]
WATCH_ALL = event("subscribe_to_instruments", {"symbols": SYMBOLS})
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
ATTACKERS = 60
CROWD = 1111


# One for each kind of threads, and of each program that serves.
FEW = ("run.py on eventlet", "run.py on threads", "gunicorn on gevent")
OTHERS = tuple(server for server in SERVERS if server not in FEW)


@pytest.fixture(
    scope="module",
    params=[FEW, pytest.param(OTHERS, marks=pytest.mark.long)],
    ids=["few", "others"],
)
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[ServerUnderTest]]:
    """Several, with prices that move."""
    folder = tmp_path_factory.mktemp("bemeasurementd")
    with (
        many_files(),
        Exchange(folder) as exchange,
        started(request.param, folder, exchange.url) as running,
    ):
        yield running


def test_f1_no_request_is_answered_after_a_websocket(servers: list[ServerUnderTest]) -> None:
    """HTTP behind the upgrade, behind a close, and behind an error is ignored."""

    def smuggle(server: ServerUnderTest, measurement: Measurement) -> None:
        for before in (closing(), frame(3), b"", text("abc"), text("41")):
            with server.stranger() as client:
                client.send(before + SMUGGLED)
                with contextlib.suppress(OSError):
                    client.send(SMUGGLED * 2)
                rest = client.rest()
            assert b"HTTP/1" not in rest, rest
            assert b"healthz" not in rest
        with RawClient.connect(server.port) as client:
            client.send(upgrade(SOCKET) + SMUGGLED)
            assert 101 == client.read_head()
            assert b"HTTP/1" not in client.rest()

    everywhere(servers, smuggle)


def test_f2_half_closed_connections_block_nobody(servers: list[ServerUnderTest]) -> None:
    """Clients that do not close their side after `Connection: close` do not block others."""

    def linger(server: ServerUnderTest, measurement: Measurement) -> None:
        with ExitStack() as stack:
            for _ in range(10):
                client = stack.enter_context(RawClient.connect(server.port))
                client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                assert 200 == client.read_head()
            for _ in range(5):
                assert server.answers()

    everywhere(servers, linger)


def test_f3_malformed_data_is_neither_answered_nor_logged(servers: list[ServerUnderTest]) -> None:
    """Three bytes end a client's connection and log nothing; no traceback is sent."""

    def babble(server: ServerUnderTest, measurement: Measurement) -> None:
        with ExitStack() as stack:
            clients = []
            for data in (text("abc"), b"abc", text("4abc"), frame(2, b"abc")):
                for _ in range(20):
                    clients.append(stack.enter_context(server.stranger()))
                    clients[-1].send(data)
            for client in clients:
                answer = client.rest()
                assert b"Traceback" not in answer
                assert b"File" not in answer
                assert len(answer) < 100
        status, body = server.ask(server.polling(), body=b"abc")
        assert 400 == status
        assert b"File" not in body

    everywhere(servers, babble)


def test_f4_silent_clients_are_disconnected_in_time(servers: list[ServerUnderTest]) -> None:
    """Silent WebSockets, stalled upgrades and peers that stop answering pings, sixty of each.

    Descriptors, threads, memory and the app's own count of connections are back.
    """

    def fall_silent(server: ServerUnderTest, measurement: Measurement) -> None:
        with ExitStack() as stack:
            for number in range(ATTACKERS):
                stack.enter_context(server.stranger())
                path = server.polling().replace("polling", "websocket")
                behind = text("2probe") if number % 2 else b""
                stack.enter_context(RawClient.open(server.port, path, behind=behind))
                stack.enter_context(server.trader())
            assert measurement.before.sessions < server.cost().sessions
            began = time.monotonic()
            wait_for(measurement.is_back, GONE_WITHIN, "all to be as before")
            print(f"{server.name}: gone after {time.monotonic() - began:.1f} s")

    everywhere(servers, fall_silent)


def test_f5_attachments_are_limited(servers: list[ServerUnderTest]) -> None:
    """More than ten are refused; ten of the largest size, never completed, cost their size."""
    places = [{"_placeholder": True, "num": number} for number in range(11)]
    eleven = text(f"4511-/webtrader,{json.dumps(['ping', *places])}")
    ten = text(f"4510-/webtrader,{json.dumps(['ping', *places[:10]])}")
    attachment = frame(2, bytes(16 * 1024))

    def attach(server: ServerUnderTest, measurement: Measurement) -> None:
        with server.trader(eleven) as client:
            assert CLOSE == [frame.opcode for frame in client.frames()][-1]
        with ExitStack() as stack:
            clients = [stack.enter_context(server.trader()) for _ in range(20)]
            for client in clients:
                client.send(ten, attachment * 9)
            assert server.answers()
            assert measurement.grown() < 32
            for client in clients:
                # The event is whole; one more belongs to nothing.
                client.send(attachment * 2)
            for client in clients:
                assert CLOSE == [frame.opcode for frame in client.frames()][-1]

    everywhere(servers, attach)


def test_f6_clients_without_a_namespace_are_disconnected(servers: list[ServerUnderTest]) -> None:
    """Pongs do not keep clients that never connect to a namespace, or were refused there."""

    def pong(client: RawClient) -> float:
        began = time.monotonic()
        for received in client.frames():
            if is_ping(received):
                client.send(PONG)
        return time.monotonic() - began

    def hang_on(server: ServerUnderTest, measurement: Measurement) -> None:
        with server.stranger() as silent, server.stranger() as refused, server.trader() as left:
            refused.send(JOIN)
            assert refused.read().payload.startswith(b"44/webtrader,")
            left.send(text("41/webtrader,"))
            for client in (silent, refused, left):
                assert pong(client) < CONNECT_TIMEOUT + GONE_WITHIN

    everywhere(servers, hang_on)


def test_f7_more_than_a_thousand_clients(servers: list[ServerUnderTest]) -> None:
    """All connect and receive prices; plain HTTP is answered; then everything is released."""

    def gather(server: ServerUnderTest, measurement: Measurement) -> None:
        measurement.may_keep = CROWD * 0.03
        with WellBehavedClients() as crowd:
            for _ in range(CROWD):
                crowd.add(server.trader())
            wait_for(lambda: server.status()["clients"]["connections"] >= CROWD, 10, "all")
            for _ in range(3):
                assert server.answers()
            assert CROWD <= server.cost().connections

    everywhere(servers, gather, parallel=False)


# Clients that do not read, send too much, or send malformed data


def test_clients_that_never_read(servers: list[ServerUnderTest]) -> None:
    """Twenty of them, which send requests and pongs, have a bounded cost and are disconnected.

    Their sockets are as small as can be, so that they fill up soon.
    """
    question = event("get_market_status") * 8

    def cost_nothing(server: ServerUnderTest, measurement: Measurement) -> None:
        cut = server.status()["connections"].get("stalled", 0)
        with ExitStack() as stack:
            good = stack.enter_context(server.trader(WATCH_ALL))
            deaf = [
                stack.enter_context(server.trader(WATCH_ALL, receive_buffer=2048))
                for _ in range(20)
            ]

            def are_cut() -> bool:
                for client in (good, *deaf):
                    with contextlib.suppress(OSError):
                        client.sock.send(PONG if client is good else PONG + question)
                assert not good.is_ended(), "the one who reads was cut, too"
                assert measurement.grown() < 32
                time.sleep(0.4)
                return bool(server.status()["connections"].get("stalled", 0) >= cut + 20)

            # A slow machine needs long to answer so much that their sockets are full.
            wait_for(are_cut, 3 * PATIENCE, "all to be cut")
            prices = good.unread().count(b"price_update")
            wait_for(lambda: good.unread().count(b"price_update") > prices, 10, "prices")

    everywhere(servers, cost_nothing)


def test_floods(servers: list[ServerUnderTest]) -> None:
    """Clients that send too much are disconnected or wait; all others are answered meanwhile."""
    floods = {
        "events": event("ping", {}) * 50,
        "unknown events": event("x" * 100, ["y" * 100]) * 50,
        "pings": frame(PING, b"?" * 125) * 100,
        "pongs": PONG * 200,
        "fragments": frame(TEXT, b"4", fin=False) + frame(0, b"a", fin=False) * 100,
    }

    def flood(server: ServerUnderTest, measurement: Measurement) -> None:
        with ExitStack() as stack:
            attackers = [
                (stack.enter_context(server.trader()), flood)
                for flood in floods.values()
                for _ in range(2)
            ]
            until = time.monotonic() + 2
            while time.monotonic() < until:
                for client, attacker in attackers:
                    client.sock.setblocking(False)
                    with contextlib.suppress(OSError):
                        client.sock.send(attacker)
                assert server.answers()
            assert measurement.grown() < 32

    everywhere(servers, flood)


def test_absurdities(servers: list[ServerUnderTest]) -> None:
    """Each ends its connection with the right code, and nothing is logged."""
    messages = absurdities()

    def talk(server: ServerUnderTest, measurement: Measurement) -> None:
        with ExitStack() as stack:
            clients = {name: stack.enter_context(server.trader()) for name in messages}
            for name, client in clients.items():
                with contextlib.suppress(ConnectionError):
                    client.send(messages[name][0])
            for name, client in clients.items():
                frames = list(client.frames())
                assert frames, name
                assert CLOSE == frames[-1].opcode, name
                assert frames[-1].code in messages[name][1], (name, frames[-1].code)
                assert not [frame for frame in frames if b"Traceback" in frame.payload]
        status, _ = server.ask(server.polling(), body=b"4" * 1_100_000)
        assert 413 == status
        assert server.answers()

    everywhere(servers, talk)


def test_abrupt_disconnections(servers: list[ServerUnderTest]) -> None:
    """At any time, with or without a close frame: nothing is left."""
    half = upgrade(SOCKET)[:60]

    def leave(server: ServerUnderTest, measurement: Measurement) -> None:
        for number in range(30):
            for behind in (None, b"", half, upgrade(SOCKET), text("40/webtrader,")):
                client = RawClient.connect(server.port)
                if number % 2:
                    reset = struct.pack("ii", 1, 0)
                    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                if behind is not None:
                    client.send(upgrade(SOCKET) + behind if behind[:3] != b"GET" else behind)
                client.sock.close()
        with RawClient.connect(server.port) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Odd: a\r\n" * 200 + b"\r\n")
            client.rest()
        assert server.answers()

    everywhere(servers, leave)


def test_abandoned_polling(servers: list[ServerUnderTest]) -> None:
    """Sessions without polls, and polls without a client, end in time."""

    def abandon(server: ServerUnderTest, measurement: Measurement) -> None:
        with ExitStack() as stack:
            for _ in range(40):
                path = server.polling()
                client = stack.enter_context(RawClient.connect(server.port))
                client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            for _ in range(100):
                assert 200 == server.ask(POLLING)[0]
            assert server.answers()

    everywhere(servers, abandon)


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
def test_clients_do_not_delay_the_end(tmp_path: Path, mode: str) -> None:
    """With the usual pings: strangers that poll, or have sent half a request."""
    half = b"POST /auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na"
    with ExitStack() as stack:
        app = stack.enter_context(App(tmp_path, {"OMCRM_ASYNC": mode, "CONNECT_TIMEOUT": "60"}))
        opened = requests.get(app.base + POLLING, timeout=PATIENCE).text
        path = f"{POLLING}&sid={json.loads(opened[1:])['sid']}"
        poll = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        for request in (poll, b"GET / HTTP/1.1\r\nHos", half):
            stack.enter_context(RawClient.connect(app.port)).send(request)
        wait_for(lambda: requests.get(f"{app.base}/healthz", timeout=PATIENCE).ok, 5)

        assert app.stop() < LONGEST_STOP
