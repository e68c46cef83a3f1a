import pytest

from bench.fanout.client_handshake import Address, ClientHandshake, HandshakeRefused
from bench.fanout.plain_floor import framed, unmasked

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
UPDATE = framed(b'42/webtrader,["price_update",{"symbol":"BTC"}]')


def payloads(data: bytes) -> list[bytes]:
    texts = []
    while data:
        text, used = unmasked(data)
        texts.append(text)
        data = data[used:]
    return texts


def test_a_page_subscribes_and_is_done_with_its_first_price() -> None:
    """In any pieces; the bytes after it are left for the reader."""
    script = SWITCH + framed(b'0{"sid":"x"}') + framed(b'40/webtrader,{"sid":"y"}') + framed(b"2")
    page = ClientHandshake(("BTC",))
    answers = b"".join(page.receive(bytes([byte])) for byte in script)

    assert [
        b"40/webtrader,",
        b'42/webtrader,["subscribe_to_instruments",{"symbols":["BTC"]}]',
        b"3",
    ] == payloads(answers)
    assert (True, False) == (page.is_authenticated, page.done)

    page.receive(UPDATE + UPDATE[:7])

    assert (True, UPDATE[:7]) == (page.done, page.rest)


def test_an_idle_page_is_done_when_it_is_connected() -> None:
    """It has no symbols."""
    page = ClientHandshake(())
    page.receive(SWITCH + framed(b'0{"sid":"x"}') + framed(b'40/webtrader,{"sid":"y"}'))

    assert page.done


@pytest.mark.parametrize(
    "refusal",
    [
        b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
        SWITCH + framed(b'44/webtrader,{"message":"authentication required"}'),
        SWITCH + b"\x88\x02\x03\xe8",
    ],
)
def test_a_refusal_raises(refusal: bytes) -> None:
    """By HTTP, by Socket.IO, by a close frame."""
    with pytest.raises(HandshakeRefused):
        ClientHandshake(("BTC",)).receive(refusal)


def test_the_request_has_origin_and_cookie() -> None:
    """The server's own origin, and the login's cookie."""
    request = Address.of("http://127.0.0.1:5000", "session=abc").request()

    assert b"Origin: http://127.0.0.1:5000\r\n" in request
    assert b"Cookie: session=abc\r\n" in request
    assert request.endswith(b"\r\n\r\n")
