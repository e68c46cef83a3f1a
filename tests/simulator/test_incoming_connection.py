import http.client
import json
import socket

import pytest
from websocket import WebSocketBadStatusException

from tests.processes import PATIENCE


def test_rest_and_websocket_share_the_port(running) -> None:
    """One HTTP connection serves many calls."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
    bodies = []
    for _ in range(3):
        connection.request("GET", "/api/v3/ping")
        bodies.append(connection.getresponse().read())
    connection.close()

    assert [b"{}"] * 3 == bodies


@pytest.mark.parametrize("path", ["/", "/socket", "/wsx"])
def test_another_path_is_no_websocket(running, path: str) -> None:
    """A handshake elsewhere is answered with 404."""
    with pytest.raises(WebSocketBadStatusException) as caught:
        running.connect(path)

    assert 404 == caught.value.status_code


def test_a_url_may_be_as_long_as_1024_streams_make_it(running, room) -> None:
    """The URL may name 1024 streams, and not one more."""
    names = [f"symbol{number:04}usdt@bookTicker" for number in range(1025)]
    client = running.connect("/stream?streams=" + "/".join(names[:1024]))
    with pytest.raises(WebSocketBadStatusException) as caught:
        running.connect("/stream?streams=" + "/".join(names))

    assert 1024 == len(room.command(client, method="LIST_SUBSCRIPTIONS", id=1)["result"])
    assert 400 == caught.value.status_code


def test_a_handshake_without_a_key_is_refused(running) -> None:
    """As the WebSocket protocol demands."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=PATIENCE)
    connection.request("GET", "/ws", headers={"Upgrade": "websocket", "Connection": "Upgrade"})
    status = connection.getresponse().status
    connection.close()

    assert 400 == status


def test_rubbish_ends_the_connection_without_an_answer(running) -> None:
    """A peer that does not send HTTP is dropped."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as peer:
        peer.sendall(b"\x16\x03\x01\r\n\r\n")
        try:
            left = peer.recv(100)
        except ConnectionResetError:
            left = b""

    assert b"" == left


def test_frames_right_behind_the_handshake_count(running) -> None:
    """A command sent together with the handshake is answered."""
    command = b'{"method":"LIST_SUBSCRIPTIONS","id":1}'
    mask = bytes(4)
    frame = bytes([0x81, 0x80 | len(command)]) + mask + command
    handshake = (
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as peer:
        peer.sendall(handshake + frame)
        received = b""
        while not received.endswith(b"}"):
            received += peer.recv(1000)

    assert received.startswith(b"HTTP/1.1 101 ")
    assert {"result": [], "id": 1} == json.loads(received[received.index(b"{") :])
