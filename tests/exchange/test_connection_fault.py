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
def test_cut_drops_connections_without_a_word(market, room, how, error) -> None:
    """A reset or a bare end of stream, and a new connection works at once."""
    client = market.connect("/ws")
    done = market.fault("cut", how=how)
    with pytest.raises(error):
        client.recv()

    assert 1 == done["connections"]
    assert market.connect("/ws/btcusdt@bookTicker").recv()


def test_half_open_is_silence_both_ways(market, room) -> None:
    """Nothing comes and no handshake is answered, but REST lives; cleared, the dead are found."""
    client = market.connect("/ws/btcusdt@bookTicker")
    client.recv()
    market.fault("half_open")
    client.settimeout(0.3)
    with pytest.raises(WebSocketTimeoutException):
        read_on(client)
    client.ping("anyone?")
    with pytest.raises(WebSocketTimeoutException):
        client.recv_data(control_frame=True)
    with pytest.raises(WebSocketTimeoutException):
        create_connection(f"ws://127.0.0.1:{market.port}/ws", timeout=0.3)
    status = market.get("/control")
    market.clear()
    with pytest.raises((ConnectionResetError, WebSocketConnectionClosedException)):
        client.recv()

    assert [True] == [connection["frozen"] for connection in status["connections"]]
    assert market.connect("/ws/btcusdt@bookTicker").recv()


@pytest.mark.parametrize("status", [401, 418, 429, 451, 503])
def test_refuse_answers_handshakes_with_a_status(market, status: int) -> None:
    """New connections are refused while connected ones stay."""
    client = market.connect("/ws/btcusdt@bookTicker")
    market.fault("refuse", status=status, retry_after=7)
    with pytest.raises(WebSocketBadStatusException) as caught:
        market.connect("/ws")

    assert status == caught.value.status_code
    assert "7" == caught.value.resp_headers["retry-after"]
    assert client.recv()
    assert 1 == market.get("/control")["handshakes_refused"]


def test_server_shutdown_is_announced_in_the_connections_own_form(market, room) -> None:
    """Raw or wrapped notice, then the end after the lead; new connections are fine."""
    raw, combined = market.connect("/ws"), market.connect("/stream")
    market.fault("server_shutdown", lead=0.3)
    notice, wrapped = json.loads(raw.recv()), json.loads(combined.recv())
    later = market.connect("/ws/btcusdt@bookTicker")

    assert ("serverShutdown", {"e", "E"}) == (notice["e"], set(notice))
    assert ("!serverShutdown", "serverShutdown") == (wrapped["stream"], wrapped["data"]["e"])
    assert 1001 == close_code(raw)
    assert later.recv()


def test_lifetime_ends_old_and_new_connections(market) -> None:
    """Every connection ends when it has reached the age."""
    old = market.connect("/ws")
    time.sleep(0.3)
    market.fault("lifetime", seconds=0.25)
    old_code = close_code(old)
    new_code = close_code(market.connect("/ws"))

    assert (1001, 1001) == (old_code, new_code)


def test_no_ping_stops_pings(market) -> None:
    """No ping comes, however short the interval."""
    market.fault("ping_interval", seconds=0.05)
    market.fault("no_ping")
    client = market.connect("/ws")
    client.settimeout(0.3)

    with pytest.raises(WebSocketTimeoutException):
        client.recv_data(control_frame=True)
