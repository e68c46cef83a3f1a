"""Commands and answers in their order, and no wait without an end."""

from collections.abc import Iterator

import pytest
from redis import RedisError

from omcrm.engine.redis_socket import RedisSocket
from tests.engine.redis_server import RedisServer


@pytest.fixture
def socket(redis_server: RedisServer) -> Iterator[RedisSocket]:
    socket = RedisSocket(redis_server.url, 60.0)
    socket.open()
    yield socket
    socket.close()


def test_answers_come_in_the_order_of_the_commands(socket: RedisSocket) -> None:
    """Large ones as well, which come in several parts."""
    large = b"x" * 1_000_000
    socket.send("SET", "name", large)
    assert b"OK" == socket.receive(60.0)
    for _ in range(3):
        socket.send("GET", "name")
    socket.send("ECHO", "end")

    assert [large] * 3 == [socket.receive(60.0) for _ in range(3)]
    assert b"end" == socket.receive(60.0)


def test_what_was_sent_is_confirmed(socket: RedisSocket) -> None:
    """An error among the answers is raised."""
    socket.send("SET", "name", "1")
    socket.send("SET", "other", "1")
    socket.confirm()
    assert None is socket.receive(0.01)
    socket.send("NOSUCH")
    with pytest.raises(RedisError):
        socket.confirm()


def test_a_closed_connection_is_an_error(socket: RedisSocket, redis_server: RedisServer) -> None:
    """And after it is opened again it works."""
    redis_server.cut_off()
    with pytest.raises((RedisError, OSError)):
        socket.receive(60.0)
    socket.close()
    assert not socket.is_open
    socket.close()
    socket.open()
    socket.send("ECHO", "again")

    assert b"again" == socket.receive(60.0)


def test_a_hanging_server_ends_the_wait(redis_server: RedisServer) -> None:
    """While it confirms, and while it opens."""
    socket = RedisSocket(redis_server.url, 0.1)
    socket.open()
    redis_server.pause()
    try:
        socket.send("ECHO", "x")
        with pytest.raises(TimeoutError):
            socket.confirm()
        with pytest.raises((RedisError, OSError)):
            socket.open()
    finally:
        redis_server.resume()
        socket.close()


def test_the_password_is_in_no_error() -> None:
    """Neither of a wrong one nor of a server that is not there."""
    server = RedisServer("--requirepass", "correct-horse")
    try:
        for url in (
            f"redis://:wrong-staple@127.0.0.1:{server.port}/0",
            "redis://:wrong-staple@127.0.0.1:1/0",
        ):
            socket = RedisSocket(url, 60.0)
            with pytest.raises((RedisError, OSError)) as raised:
                socket.open()
            assert "staple" not in str(raised.value)
        socket = RedisSocket(f"redis://:correct-horse@127.0.0.1:{server.port}/0", 60.0)
        socket.open()
        socket.send("ECHO", "x")
        assert b"x" == socket.receive(60.0)
        socket.close()
    finally:
        server.remove()
