"""A dialect is as little as the manual says: its example is served as it stands there."""

from tests.gateways.here import OURS, Make, Speaker
from tests.streaming.raw_client import CLOSE, text


def line(speaker: Speaker) -> str:
    return speaker.raw.read().payload.decode()


def test_the_manuals_example(serve: Make, ticker: str) -> None:
    """It greets, answers before it tells prices, says what is wrong, and ends what was begun."""
    here = serve()
    with here.speaker(ticker) as speaker:
        speaker.raw.send(text("+btc"), text("?"), text("+NOPE"))

        assert "hello!" == line(speaker)
        assert "+ BTC" == line(speaker)
        assert line(speaker).startswith("BTC ")
        assert "! not understood: ?" == line(speaker)
        assert "! not understood: +NOPE" == line(speaker)

        price = here.price("BTC")
        assert f"BTC {price.seq} live" == line(speaker)

        speaker.raw.send(text("-BTC"), text("+ETH"))
        assert "+ ETH" == line(speaker)
        here.price("BTC")
        assert line(speaker).startswith("ETH ")


def test_limits_are_the_same_for_all(serve: Make, ticker: str) -> None:
    """Its users have as many subscriptions as others, and its sockets count with the others'."""
    here = serve(MAX_SUBSCRIPTIONS_PER_CONNECTION="1", MAX_CONNECTIONS_PER_USER="2")
    token = here.token()
    with here.speaker(ticker, token) as speaker, here.speaker("/ws/market/feed", token):
        speaker.raw.send(text("+BTC"), text("+ETH"))
        said = [line(speaker) for _ in range(4)]
        status, body = here.status(ticker, f"x-api-key: {token}")

    assert "! no more than 1" == said[-1]
    assert (429, "LIMIT_EXCEEDED") == (status, body["error"]["code"])


def test_it_refuses_in_http_where_it_says_nothing_else(serve: Make, ticker: str) -> None:
    """Without a credential there is no WebSocket."""
    status, body = serve().status(ticker)

    assert 401 == status
    assert "AUTHENTICATION_REQUIRED" == body["error"]["code"]


def test_a_session_that_ends_closes_it(serve: Make, ticker: str) -> None:
    """In the words that hold for all."""
    here = serve()
    cookie = here.session(here.create_user())
    with Speaker.open(here.port, ticker, cookie, OURS) as speaker:
        line(speaker)
        for client in here.registry.clients():
            client.close(1008, client.dialect.session_ended)
        frame = speaker.raw.read()

    assert (CLOSE, 1008, b"Session ended") == (frame.opcode, frame.code, frame.payload[2:])
