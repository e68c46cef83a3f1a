"""A connection that has ended leaves no objects behind, without the garbage collector.

The collector skips frozen objects, so that a reference cycle would stay for as long as many clients
are connected.

Long for a reason: each dialect and each way of ending, in one place.
"""

import gc
import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests
from flask import Request
from websockets.server import ServerProtocol

from omcrm.extensions import socketio
from omcrm.gateways.client_connection import ClientConnection
from omcrm.streaming.connection import WebSocketConnection, _Frames
from omcrm.streaming.engine_session import EngineSession, Transport
from omcrm.streaming.inbox import Inbox
from omcrm.streaming.rate_tier import Group, Subscriber
from omcrm.webtrader.page_session import PageSession
from tests.gateways.here import OURS, Make, Served
from tests.processes import PATIENCE, wait_for
from tests.streaming.raw_client import CLOSE, PING, TEXT, RawClient, closing, frame, text, upgrade

# The types that a connection consists of, and the request that a Socket.IO event is handled in.
TYPES = (
    WebSocketConnection,
    _Frames,
    ServerProtocol,
    ClientConnection,
    Inbox,
    EngineSession,
    Transport,
    PageSession,
    Subscriber,
    Group,
    Request,
)
SOCKET_IO = "/socket.io/?EIO=4&transport=websocket"
POLLING = "/socket.io/?EIO=4&transport=polling"
JOIN = "40/webtrader,"
SUBSCRIBE = "42/webtrader," + json.dumps(["subscribe_to_instruments", {"symbols": ["BTC"]}])

# The messages that each client sends before it ends.
DIALECTS = {
    "/ws/market/feed": (
        '{"action":"subscribe","symbols":["BTC"],"channels":["quotes","trades"],"history":5}',
    ),
    "/ws/realtime/": ('{"type":"subscribe_asset","data":{"symbol":"BTC"}}',),
    "/quotes": ("AAPL,BTC",),
    "/profile/AAPL": (),
    "/market": (),
    "/hours": (),
    SOCKET_IO: (JOIN, SUBSCRIBE),
}


class Leftovers:
    """The objects of these types that were created since and still exist."""

    def __init__(self) -> None:
        self._before = {id(item): item for item in _objects()}

    def names(self) -> list[str]:
        return sorted(type(item).__name__ for item in _objects() if id(item) not in self._before)

    def wait(self, what: str) -> None:
        """Wait until no object and no timer is left."""
        reactor = socketio.server.eio.reactor
        wait_for(lambda: not reactor.timers() and not self.names(), 30, f"nothing left of {what}")


def _objects() -> list[Any]:
    return [item for item in gc.get_objects() if type(item) in TYPES]


@pytest.fixture
def here(serve: Make) -> Served:
    """An app without security, with a limit of connections for each address."""
    return serve(USE_SECURITY="false", MAX_CONNECTIONS_PER_USER=str(len(DIALECTS)))


@pytest.fixture
def leftovers(here: Served) -> Iterator[Leftovers]:
    """Counts leftovers while the collector is disabled."""
    gc.collect()
    gc.disable()
    yield Leftovers()
    gc.enable()


# WebSockets


def sends_a_close_frame(client: RawClient, here: Served) -> None:
    client.send(closing())
    client.rest()


def hangs_up(client: RawClient, here: Served) -> None:
    """Close the socket without a close frame."""


def resets(client: RawClient, here: Served) -> None:
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def breaks_the_protocol(client: RawClient, here: Served) -> None:
    client.send(frame(3, b"?"))
    client.rest()


def sends_too_large_a_message(client: RawClient, here: Served) -> None:
    client.send(text("x" * 70_000))
    client.rest()


def sends_no_text(client: RawClient, here: Served) -> None:
    client.send(frame(TEXT, b"\xff"))
    client.rest()


def floods(client: RawClient, here: Served) -> None:
    client.send(frame(PING) * 2000)
    client.rest()


def leaves_in_the_middle(client: RawClient, here: Served) -> None:
    client.send(frame(TEXT, b"half of", fin=False), text("x" * 100)[:50])


def is_closed_by_us(client: RawClient, here: Served) -> None:
    close_all(here)
    while client.read().opcode != CLOSE:
        pass
    client.send(closing())
    client.rest()


def does_not_answer_our_close(client: RawClient, here: Served) -> None:
    close_all(here)
    client.rest()


def is_wrong_too_often(client: RawClient, here: Served) -> None:
    client.send(*[text("4") + frame(2, b"?")] * 20)
    client.rest()


def close_all(here: Served) -> None:
    """Close all clients; pages by their engine."""
    for client in here.registry.clients():
        if isinstance(client, ClientConnection):
            client.close()
    socketio.server.eio.disconnect()


ENDS: list[Callable[[RawClient, Served], None]] = [
    sends_a_close_frame,
    hangs_up,
    resets,
    breaks_the_protocol,
    sends_too_large_a_message,
    sends_no_text,
    floods,
    leaves_in_the_middle,
    is_closed_by_us,
    does_not_answer_our_close,
    is_wrong_too_often,
]


def test_nothing_is_left_of_a_websocket(here: Served, leftovers: Leftovers) -> None:
    """For each dialect and each way of ending."""
    cookie = here.session(here.create_user())
    for end in ENDS:
        with ExitStack() as at_the_end:
            clients = []
            for path, messages in DIALECTS.items():
                headers = (cookie, OURS) if path == SOCKET_IO else ()
                client = at_the_end.enter_context(RawClient.open(here.port, path, *headers))
                client.send(*map(text, messages))
                client.read()
                clients.append(client)
            for client in clients:
                end(client, here)
        leftovers.wait(end.__name__)


def test_nothing_is_left_of_a_refused_handshake(here: Served, leftovers: Leftovers) -> None:
    """Beyond the limit, with a wrong token, with a wrong version."""
    with ExitStack() as at_the_end:
        for _ in DIALECTS:
            at_the_end.enter_context(RawClient.open(here.port, "/hours"))
        statuses = [
            here.status("/hours")[0],
            here.status("/hours", "Authorization: Bearer nobody")[0],
            here.status("/hours", "Sec-WebSocket-Version: 12")[0],
        ]

        assert [429, 401, 400] == statuses
    leftovers.wait("refused handshakes")


def test_a_request_leaves_no_class(here: Served, leftovers: Leftovers) -> None:
    """The library would create one for each request through gunicorn."""

    def classes() -> int:
        kinds = [item for item in gc.get_objects() if type(item) is type]
        return sum(str(kind.__module__).startswith("engineio") for kind in kinds)

    before = classes()
    for path in ("/healthz", "/socket.io/"):
        answer = here.app.test_client().get(path, environ_overrides={"gunicorn.socket": None})
        assert answer.status_code in (200, 400)

    assert before == classes()


# Socket.IO by polling


class Poller:
    """A page that polls, with or without a cookie."""

    def __init__(self, here: Served, cookie: str = "") -> None:
        self._here = here
        self._headers = {"Cookie": cookie.removeprefix("Cookie: ")} if cookie else {}
        self._query = POLLING
        sid = json.loads(self.poll()[1:])["sid"]
        self._query += f"&sid={sid}"

    def poll(self) -> str:
        answer = requests.get(
            self._here.base + self._query, headers=self._headers, timeout=PATIENCE
        )
        return answer.text

    def send(self, *packets: str) -> None:
        url, body = self._here.base + self._query, "\x1e".join(packets)
        requests.post(url, body, headers=self._headers, timeout=PATIENCE)

    def upgrade(self, *messages: str) -> RawClient:
        """A WebSocket to upgrade to."""
        client = RawClient.connect(self._here.port)
        client.send(upgrade(self._query.replace("polling", "websocket")), *map(text, messages))
        assert 101 == client.read_head()
        return client


def sends_a_close_packet(page: Poller) -> None:
    page.send("1")


def joins_and_is_closed(page: Poller) -> None:
    page.send(JOIN)
    page.poll()
    page.send(SUBSCRIBE)
    page.poll()
    page.send("1")


def is_refused(page: Poller) -> None:
    page.send(JOIN)
    page.poll()


def sends_nothing_more(page: Poller) -> None:
    """The page does not join a namespace and does not poll."""


def breaks_the_rules(page: Poller) -> None:
    page.send(JOIN)
    page.send("4abc")


def goes_in_the_middle_of_an_upgrade(page: Poller) -> None:
    page.send(JOIN)
    with page.upgrade("2probe") as client:
        client.read()


def is_closed_in_the_middle_of_an_upgrade(page: Poller) -> None:
    page.send(JOIN)
    with page.upgrade("2probe") as client:
        client.read()
        page.send("1")
        client.rest()


def upgrades_and_goes(page: Poller) -> None:
    page.send(JOIN)
    page.poll()
    with page.upgrade("2probe", "5") as client:
        client.read()
        client.send(text(SUBSCRIBE))
        client.read()


def upgrades_twice(page: Poller) -> None:
    page.send(JOIN)
    with page.upgrade("2probe"), page.upgrade("2probe") as second:
        second.rest()


POLLERS: list[Callable[[Poller], None]] = [
    sends_a_close_packet,
    joins_and_is_closed,
    is_refused,
    sends_nothing_more,
    breaks_the_rules,
    goes_in_the_middle_of_an_upgrade,
    is_closed_in_the_middle_of_an_upgrade,
    upgrades_and_goes,
    upgrades_twice,
]


def test_nothing_is_left_of_a_page_that_polled(here: Served, leftovers: Leftovers) -> None:
    """For each way of ending, timeouts included; logged in or anonymous."""
    engine = socketio.server.eio
    engine.claim_within = socketio.server.connect_timeout = 0.5
    engine.ping_interval = engine.ping_timeout = 1
    cookie = here.session(here.create_user())
    for end in POLLERS:
        end(Poller(here, "" if end is is_refused else cookie))
        leftovers.wait(end.__name__)
