import json
import time

import pytest
from websocket import (
    ABNF,
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
    WebSocketTimeoutException,
    create_connection,
)


def read_on(client) -> None:  # type: ignore[no-untyped-def]
    """Read until something ends it."""
    while True:
        client.recv()


def close_code(client) -> int:  # type: ignore[no-untyped-def]
    """The code of the close frame that ends a connection."""
    while True:
        opcode, payload = client.recv_data(control_frame=True)
        if opcode == ABNF.OPCODE_CLOSE:
            return int.from_bytes(payload[:2], "big")


@pytest.mark.parametrize(
    ("how", "error"),
    [("rst", ConnectionResetError), ("fin", WebSocketConnectionClosedException)],
)
def test_cut_drops_connections_without_a_close_frame(running, room, how, error) -> None:
    """By a reset or an end of stream, and a new connection works at once."""
    client = running.connect("/ws")
    done = running.fault("cut", how=how)
    with pytest.raises(error):
        client.recv()

    assert 1 == done["connections"]
    assert running.connect("/ws/btcusdt@bookTicker").recv()


def test_half_open_is_silence_both_ways(running, room) -> None:
    """No data comes and no handshake is answered, but REST works; when cleared, the connections are
    found dead."""
    client = running.connect("/ws/btcusdt@bookTicker")
    client.recv()
    running.fault("half_open")
    client.settimeout(0.3)
    with pytest.raises(WebSocketTimeoutException):
        read_on(client)
    client.ping("anyone?")
    with pytest.raises(WebSocketTimeoutException):
        client.recv_data(control_frame=True)
    with pytest.raises(WebSocketTimeoutException):
        create_connection(f"ws://127.0.0.1:{running.port}/ws", timeout=0.3)
    status = running.get("/control")
    running.clear()
    with pytest.raises((ConnectionResetError, WebSocketConnectionClosedException)):
        client.recv()

    assert [True] == [connection["frozen"] for connection in status["connections"]]
    assert running.connect("/ws/btcusdt@bookTicker").recv()


@pytest.mark.parametrize("status", [401, 418, 429, 451, 503])
def test_refuse_answers_handshakes_with_a_status(running, status: int) -> None:
    """New connections are refused while connected ones stay."""
    client = running.connect("/ws/btcusdt@bookTicker")
    running.fault("refuse", status=status, retry_after=7)
    with pytest.raises(WebSocketBadStatusException) as caught:
        running.connect("/ws")

    assert status == caught.value.status_code
    assert "7" == caught.value.resp_headers["retry-after"]
    assert client.recv()
    assert 1 == running.get("/control")["handshakes_refused"]


def test_server_shutdown_is_announced_in_the_connections_own_form(running, room) -> None:
    """Bare or combined, then the end after the lead; new connections work."""
    raw, combined = running.connect("/ws"), running.connect("/stream")
    running.fault("server_shutdown", lead=0.3)
    notice, wrapped = json.loads(raw.recv()), json.loads(combined.recv())
    later = running.connect("/ws/btcusdt@bookTicker")

    assert ("serverShutdown", {"e", "E"}) == (notice["e"], set(notice))
    assert ("!serverShutdown", "serverShutdown") == (wrapped["stream"], wrapped["data"]["e"])
    assert 1001 == close_code(raw)
    assert later.recv()


def test_lifetime_ends_old_and_new_connections(running) -> None:
    """Every connection ends at this age."""
    old = running.connect("/ws")
    time.sleep(0.3)
    running.fault("lifetime", seconds=0.25)
    old_code = close_code(old)
    new_code = close_code(running.connect("/ws"))

    assert (1001, 1001) == (old_code, new_code)
