"""Pages that come back, without sockets."""

import pytest

from bench.fanout.client_dialect import HandshakeRefused
from bench.fanout.client_handshake import Address
from bench.fanout.frame import frames
from bench.fanout.returning_page import ConnectionEnded, PollingPage, WebSocketPage

ADDRESS = Address("desk.example.com", 80, ("omcrm_session=abc",))
LIVE = b'42/webtrader,["price_update",{"symbol":"BTC","price_class":"live"}]'
STALE = LIVE.replace(b"live", b"stale")


def frame(payload: bytes, opcode: int = 1) -> bytes:
    return bytes([0x80 | opcode, len(payload)]) + payload


def answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def connected_websocket() -> WebSocketPage:
    page = WebSocketPage(ADDRESS, 0, ("BTC",))
    page.receive(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + frame(b'0{"sid":"s"}'))
    asked = page.receive(frame(b'40/webtrader,{"sid":"t"}'))

    assert page.is_connected
    assert 1 == len(list(frames(asked)))
    return page


def connected_polling() -> PollingPage:
    page = PollingPage(ADDRESS, 0, ("BTC",))
    assert b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n" in page.request
    assert page.receive(answer(b'0{"sid":"s"}')).endswith(b"\r\n\r\n40/webtrader,")
    assert page.receive(answer(b"ok")).startswith(b"GET /socket.io/?EIO=4&transport=polling&sid=s ")
    assert b"subscribe_to_instruments" in page.receive(answer(b'40/webtrader,{"sid":"t"}'))
    assert page.receive(answer(b"ok")).startswith(b"GET ")
    assert page.is_connected
    return page


def test_live_prices_are_counted() -> None:
    """Those that are not live are not, and a half message counts when it is whole."""
    page, data = connected_websocket(), frame(LIVE) + frame(STALE)
    page.receive(data[:20])

    assert 0 == page.prices

    page.receive(data[20:])

    assert 1 == page.prices


def test_a_polling_page_counts_the_same() -> None:
    """Several packets come in one answer; a ping is answered."""
    page = connected_polling()
    asked = page.receive(answer(LIVE + b"\x1e" + STALE + b"\x1e2"))

    assert 1 == page.prices
    assert asked.endswith(b"\r\n\r\n3")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (frame(b"\x03\xe9the server stops", 8), "closed with 1001"),
        (frame(b"41/webtrader,"), "disconnected"),
    ],
)
def test_the_end_has_its_reason(data: bytes, reason: str) -> None:
    """With the code of the close frame."""
    with pytest.raises(ConnectionEnded, match=reason):
        connected_websocket().receive(data)


def test_a_process_that_does_not_know_the_session_ends_it() -> None:
    """As where a polling client comes to another process."""
    with pytest.raises(ConnectionEnded, match="HTTP 400"):
        connected_polling().receive(answer(b"unknown", b"400 Bad Request"))


def test_a_refused_login_is_told_apart() -> None:
    """A page that is not logged in any more has to be seen."""
    refusal = b'44/webtrader,{"message":"authentication required"}'
    page = PollingPage(ADDRESS, 0, ("BTC",))
    page.receive(answer(b'0{"sid":"s"}'))
    page.receive(answer(b"ok"))

    with pytest.raises(HandshakeRefused, match="authentication required"):
        page.receive(answer(refusal))
