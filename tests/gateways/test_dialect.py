"""The example dialect of the manual is served as it is printed there."""

from tests.gateways.here import OURS, JsonPeer, Make
from tests.streaming.raw_client import CLOSE, text


def line(peer: JsonPeer) -> str:
    return peer.raw.read().payload.decode()


def test_the_manuals_example(serve: Make, ticker: str) -> None:
    """It greets, answers before it sends prices, reports errors and unsubscribes."""
    here = serve()
    with here.connect(ticker) as peer:
        peer.raw.send(text("+btc"), text("?"), text("+NOPE"))

        assert "hello!" == line(peer)
        assert "+ BTC" == line(peer)
        assert line(peer).startswith("BTC ")
        assert "! not understood: ?" == line(peer)
        assert "! not understood: +NOPE" == line(peer)

        price = here.price("BTC")
        assert f"BTC {price.seq} live" == line(peer)

        peer.raw.send(text("-BTC"), text("+ETH"))
        assert "+ ETH" == line(peer)
        here.price("BTC")
        assert line(peer).startswith("ETH ")


def test_limits_are_the_same_for_all(serve: Make, ticker: str) -> None:
    """The limits on subscriptions and connections apply over all dialects."""
    here = serve(MAX_SUBSCRIPTIONS_PER_CONNECTION="1", MAX_CONNECTIONS_PER_USER="2")
    token = here.token()
    with here.connect(ticker, token) as peer, here.connect("/ws/market/feed", token):
        peer.raw.send(text("+BTC"), text("+ETH"))
        lines = [line(peer) for _ in range(4)]
        status, body = here.status(ticker, f"x-api-key: {token}")

    assert "! no more than 1" == lines[-1]
    assert (429, "LIMIT_EXCEEDED") == (status, body["error"]["code"])


def test_a_handshake_is_refused_in_http_by_default(serve: Make, ticker: str) -> None:
    """Without a credential the answer is 401."""
    status, body = serve().status(ticker)

    assert 401 == status
    assert "AUTHENTICATION_REQUIRED" == body["error"]["code"]


def test_a_session_that_ends_closes_it(serve: Make, ticker: str) -> None:
    """With the default reason of a close."""
    here = serve()
    cookie = here.session(here.create_user())
    with JsonPeer.open(here.port, ticker, cookie, OURS) as peer:
        line(peer)
        for client in here.registry.clients():
            client.close(1008, client.dialect.session_ended)
        frame = peer.raw.read()

    assert (CLOSE, 1008, b"Session ended") == (frame.opcode, frame.code, frame.payload[2:])
