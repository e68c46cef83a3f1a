"""What the adapter needs of the libraries, and what it changes.

Long for a reason: the first half lists by name what a new version of a library may change.
"""

import inspect
import logging
import threading
import time
from importlib.metadata import version
from typing import Any

import engineio
import flask_socketio
import pytest
import socketio
from engineio import packet as engine_packets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from socketio import packet as packets
from socketio.exceptions import ConnectionRefusedError as Refusal

from omcrm.extensions import SocketIO
from omcrm.streaming.engine import EngineServer
from omcrm.streaming.rooms import Rooms
from omcrm.streaming.socketio_adapter import WRITTEN_AGAINST, RealtimeServer
from omcrm.streaming.socketio_packet import StrictPacket
from tests.processes import PATIENCE, wait_for
from tests.streaming.polling_client import PollingClient, Serve, accept_all
from tests.streaming.wsgi_client import wsgi_client

EXTENSIONS_WRITTEN_AGAINST = {"flask-socketio": "5.7.0"}

# Everything of the libraries that is overridden or called, with its known signature.
SIGNATURES = {
    socketio.Server: {
        "_engineio_server_class": "(self)",
        "_handle_eio_connect": "(self, eio_sid, environ)",
        "_handle_eio_message": "(self, eio_sid, data)",
        "_handle_eio_disconnect": "(self, eio_sid, reason)",
        "_handle_connect": "(self, eio_sid, namespace, data)",
        "_handle_disconnect": "(self, eio_sid, namespace, reason=None)",
        "_handle_event": "(self, eio_sid, namespace, id, data)",
        "_handle_event_internal": "(self, server, sid, eio_sid, data, namespace, id)",
        "_handle_ack": "(self, eio_sid, namespace, id, data)",
        "_get_event_handler": "(self, event, namespace, args)",
        "_trigger_event": "(self, event, namespace, *args)",
        "_send_packet": "(self, eio_sid, pkt)",
        "_send_eio_packet": "(self, eio_sid, eio_pkt)",
        "disconnect": "(self, sid, namespace=None, ignore_queue=False)",
        "get_environ": "(self, sid, namespace=None)",
    },
    socketio.Manager: {
        "pre_connect": "(self, eio_sid, namespace)",
        "connect": "(self, sid, namespace)",
        "is_connected": "(self, sid, namespace)",
        "pre_disconnect": "(self, sid, namespace)",
        "disconnect": "(self, sid, namespace, **kwargs)",
        "sid_from_eio_sid": "(self, eio_sid, namespace)",
        "eio_sid_from_sid": "(self, sid, namespace)",
        "get_namespaces": "(self)",
        "get_participants": "(self, namespace, room)",
        "basic_enter_room": "(self, sid, namespace, room, eio_sid=None)",
        "basic_leave_room": "(self, sid, namespace, room)",
        "basic_disconnect": "(self, sid, namespace, **kwargs)",
        "get_rooms": "(self, sid, namespace)",
        "emit": "(self, event, data, namespace, room=None, skip_sid=None, callback=None,"
        " to=None, **kwargs)",
        "set_server": "(self, server)",
        "trigger_callback": "(self, sid, id, data)",
    },
    packets.Packet: {
        "__init__": "(self, packet_type=2, data=None, namespace=None, id=None, binary=None,"
        " encoded_packet=None)",
        "encode": "(self)",
        "decode": "(self, encoded_packet)",
        "add_attachment": "(self, attachment)",
    },
    engine_packets.Packet: {
        "__init__": "(self, packet_type=6, data=None, encoded_packet=None)",
        "encode": "(self, b64=False)",
    },
    engineio.Server: {
        "send": "(self, sid, data)",
        "send_packet": "(self, sid, pkt)",
        "disconnect": "(self, sid=None)",
        "handle_request": "(self, environ, start_response)",
        "generate_id": "(self)",
        "on": "(self, event, handler=None)",
        "_trigger_event": "(self, event, *args, **kwargs)",
        "_cors_allowed_origins": "(self, environ)",
        "_cors_headers": "(self, environ)",
        "_gzip": "(self, response)",
        "_generate_sid_cookie": "(self, sid, attributes)",
    },
    flask_socketio.SocketIO: {
        "init_app": "(self, app, **kwargs)",
        "_handle_event": "(self, handler, message, namespace, sid, *args)",
    },
}
OVERRIDES = [
    (RealtimeServer, socketio.Server),
    (Rooms, socketio.Manager),
    (EngineServer, engineio.Server),
    (StrictPacket, packets.Packet),
    (SocketIO, flask_socketio.SocketIO),
]


# The libraries


@pytest.mark.parametrize("name", [*WRITTEN_AGAINST, *EXTENSIONS_WRITTEN_AGAINST])
def test_versions(name: str) -> None:
    """A new version must be reviewed before it is used."""
    known = {**WRITTEN_AGAINST, **EXTENSIONS_WRITTEN_AGAINST}

    assert known[name] == version(name), f"read what changed in {name}, then note the version"


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in SIGNATURES.items() for name in names]
)
def test_signatures(owner: type, name: str) -> None:
    """Everything overridden or called exists with the known signature."""
    assert hasattr(owner, name), f"{owner.__qualname__}.{name} is gone"
    assert SIGNATURES[owner][name] == str(inspect.signature(getattr(owner, name)))


@pytest.mark.parametrize(("ours", "theirs"), OVERRIDES)
def test_overrides_can_be_called_as_the_library_does(ours: type, theirs: type) -> None:
    """Ours accept the library's positional arguments; each overridden method is listed above."""
    listed = SIGNATURES[theirs]
    for name, own in vars(ours).items():
        if inspect.isfunction(own) and name != "__init__" and hasattr(theirs, name):
            assert name in listed, f"{theirs.__qualname__}.{name} is overridden, but not listed"
            expected = inspect.signature(getattr(theirs, name)).parameters.values()
            actual = inspect.signature(own).parameters.values()
            assert [parameter.kind for parameter in expected] == [
                parameter.kind for parameter in actual
            ], name
            assert [parameter.default for parameter in expected] == [
                parameter.default for parameter in actual
            ], name


def test_attributes_of_a_server() -> None:
    """The attributes that are used have the expected types."""
    server = RealtimeServer(async_mode="threading", logger=logging.getLogger("test"))
    engine = server.eio

    assert isinstance(engine, EngineServer)
    assert isinstance(server.manager, Rooms)
    assert StrictPacket is server.packet_class
    dicts = (server.environ, server.handlers, server.namespace_handlers, server._binary_packet)
    assert [{}] * 4 == [*dicts]
    assert ["/"] == server.namespaces
    assert "client disconnect" == server.reason.CLIENT_DISCONNECT
    assert {
        "connect": server._handle_eio_connect,
        "message": server._handle_eio_message,
        "disconnect": server._handle_eio_disconnect,
    } == engine.handlers
    assert {} == engine.sockets
    assert (25, 20, 1_000_000) == (
        engine.ping_interval,
        engine.ping_timeout,
        engine.max_http_buffer_size,
    )
    assert {"polling", "websocket"} == {*engine.transports}
    assert not engine.start_service_task
    assert "threading" == server.async_mode


def test_the_librarys_room_structures() -> None:
    """By namespace, room and client, mapped both ways; pending clients in lists."""
    server = RealtimeServer(async_mode="threading", logger=logging.getLogger("test"))
    sid = server.manager.pre_connect("eio", "/a")

    assert {"/a": {None: {sid: "eio"}, sid: {sid: "eio"}}} == server.manager.rooms
    assert "eio" == server.manager.rooms["/a"][None]._fwdm[sid]
    assert {"/a": [sid]} == server.manager.pending_connect
    assert ({}, {}) == (server.manager.pending_disconnect, server.manager.callbacks)


def test_flask_socketio_internals() -> None:
    """What our `SocketIO.init_app` replaces and passes on."""
    socket = SocketIO()

    assert (None, {}, [], []) == (
        socket.server,
        socket.server_options,
        socket.handlers,
        socket.namespace_handlers,
    )
    # By this call every event reaches our own, which makes no request of it.
    assert "return self._handle_event(handler, " in inspect.getsource(flask_socketio.SocketIO.on)


# The adapter


def test_events_emitted_while_connecting_follow_the_answer(serve: Serve) -> None:
    """Whichever code emits them, the client first learns that it is connected."""
    server = serve()

    def connect(sid: str, environ: dict[str, Any]) -> None:
        server.emit("early", to=sid)
        server.enter_room(sid, "all")
        server.emit("early too", to="all")

    server.on("connect", connect)
    client, received = PollingClient(wsgi_client(server.eio)), list[str]()
    client.send("0")
    while len(received) < 3:
        received += client.receive()

    assert "40{" == received[0][:3]
    assert ['42["early"]', '42["early too"]'] == received[1:]


def test_a_refusal_is_the_only_packet(serve: Serve) -> None:
    """Events emitted before it are dropped; a session without a namespace ends."""
    server = serve(connect_timeout=0.2)

    def connect(sid: str, environ: dict[str, Any]) -> None:
        server.emit("secret", to=sid)
        raise Refusal("no")

    server.on("connect", connect)
    client = PollingClient(wsgi_client(server.eio))

    assert '44{"message":"no"}' == client.join()
    wait_for(lambda: not server.eio.sockets, 5)
    assert 1 == server.eio.reactor.counters["unclaimed"]


def test_a_connect_handler_that_fails(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets "Internal error" only; the log has one line."""
    server = serve()

    def connect(sid: str, environ: dict[str, Any]) -> None:
        raise RuntimeError("secret")

    server.on("connect", connect)
    clients = [PollingClient(wsgi_client(server.eio)) for _ in range(5)]

    assert ['44{"message":"Internal error"}'] * 5 == [client.join() for client in clients]
    assert ["a connect handler failed"] == caplog.messages
    assert {} == server.manager.rooms


def test_an_event_handler_that_fails(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """The client is not notified and goes on; the log has one line a second."""
    server, done = serve(), threading.Event()

    def fail(sid: str) -> None:
        raise RuntimeError("secret")

    server.on("connect", accept_all)
    server.on("fail", fail)
    server.on("go on", lambda sid: done.set())
    client = PollingClient(wsgi_client(server.eio))
    client.join()
    for _ in range(5):
        assert 200 == client.send(*['21["fail"]'] * 10)
    client.send('2["go on"]')

    assert done.wait(PATIENCE)
    assert 1 <= len(caplog.records) <= 3


@pytest.mark.parametrize(
    "packet",
    [
        "abc",
        "2",
        '2["a"',
        '2/other,["a"]',
        "4",
        "bAAE=",
        '50-["a"]x',
        "2" + "1" * 10_001,
        '51-["a"]',
    ],
)
def test_an_invalid_packet_closes_the_session(
    serve: Serve, caplog: pytest.LogCaptureFixture, packet: str
) -> None:
    """The log has one line about it, without a traceback."""
    server = serve()
    server.on("connect", accept_all)
    client = PollingClient(wsgi_client(server.eio))
    client.join()
    client.send(packet)
    wait_for(lambda: not server.eio.sockets and not server.environ, 5)

    assert [None] == [record.exc_info for record in caplog.records]
    assert 1 == server.eio.reactor.counters["bad_packets"]


def test_many_invalid_packets_are_throttled_in_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients cannot fill the log."""
    server, began = serve(), time.monotonic()
    for _ in range(50):
        PollingClient(wsgi_client(server.eio)).send("abc", "def", "ghi")
    wait_for(lambda: not server.eio.sockets and not server.environ, 10)

    assert len(caplog.records) <= 2 + time.monotonic() - began


def test_an_unexpected_acknowledgement_is_ignored(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever its number, also while one is expected; the right one still counts."""
    server, answers = serve(), list[Any]()
    server.on("connect", accept_all)
    client = PollingClient(wsgi_client(server.eio))
    client.join()
    sid = server.manager.sid_from_eio_sid(client.sid, "/")
    server.emit("question", to=sid, callback=lambda *replies: answers.append(replies))
    assert ['421["question"]'] == client.receive()
    client.send('37["x"]', '30["x"]', '3999999999999999["x"]', '31["yes"]', '31["again"]')
    wait_for(lambda: answers, 5)
    server.emit("question", to=sid, callback=lambda *replies: answers.append(replies))

    assert ['422["question"]'] == client.receive()
    assert [("yes",)] == answers
    assert [] == [record.message for record in caplog.records if record.levelno >= logging.ERROR]


def test_incomplete_packets_are_dropped_at_disconnect(serve: Serve) -> None:
    """A packet without all its attachments is not kept."""
    server = serve()
    server.on("connect", accept_all)
    client = PollingClient(wsgi_client(server.eio))
    client.join()
    client.send('52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', "bAAE=")
    wait_for(lambda: server._binary_packet, 5)
    server.eio.disconnect()

    wait_for(lambda: not server._binary_packet, 5)


def test_a_room_gets_one_frame(serve: Serve) -> None:
    """An event for a room is encoded a single time, and each member gets it."""
    server = serve()
    server.on("connect", lambda sid, environ: server.enter_room(sid, "all"))
    clients = [PollingClient(wsgi_client(server.eio)) for _ in range(3)]
    for client in clients:
        assert client.join().startswith("40{")
    server.emit("price", {"a": 1}, to="all")

    assert [['42["price",{"a":1}]']] * 3 == [client.receive() for client in clients]


def test_dropped_events_are_reported_to_the_namespace(serve: Serve) -> None:
    """With the client's id in that namespace."""
    server, lost = serve(), list[str]()
    server.on("connect", accept_all)
    server.on_lost("/", lost.append)
    client = PollingClient(wsgi_client(server.eio))
    client.join()
    sid = server.manager.sid_from_eio_sid(client.sid, "/")
    server.eio.lost(client.sid)
    server.eio.lost("unknown")

    assert [sid] == lost
    assert server.eio.sockets[client.sid] is server.session_of(sid, "/")
    assert server.session_of("unknown", "/") is None


def test_a_client_without_a_namespace_must_join_one(serve: Serve) -> None:
    """Within the timeout; the request's environment is not kept meanwhile."""
    server = serve(connect_timeout=3)
    server.on("connect", accept_all)
    client = PollingClient(wsgi_client(server.eio))
    client.join()
    server.eio.sockets[client.sid].tick(time.monotonic() + 4)
    assert client.sid in server.eio.sockets
    client.send("1")

    assert ["1"] == client.receive()
    wait_for(lambda: not server.environ, 5)


@given(
    st.lists(
        st.text(max_size=30).map(lambda text: text.replace("\x1e", ""))
        | st.text('01234567-/,?[]{}"a:', max_size=30)
        | st.sampled_from(
            [
                "0",
                "0/other,",
                '2["a",[1]]',
                '21["fail"]',
                "1",
                '51-["a",{"_placeholder":true,"num":0}]',
                "bAAE=",
                '30["x"]',
            ]
        ),
        min_size=1,
        max_size=16,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_packets_cause_an_error(
    serve: Serve, caplog: pytest.LogCaptureFixture, sent: list[str]
) -> None:
    """Whatever packets come in whatever order, no error of ours or of the libraries is logged."""
    server = serve()
    server.on("connect", accept_all)
    server.on("a", lambda sid, *data: data)
    client = PollingClient(wsgi_client(server.eio))
    client.send(*sent)
    server.eio.disconnect()
    wait_for(lambda: not server.environ, 5)

    assert [] == [record.message for record in caplog.records if record.levelno >= logging.ERROR]
