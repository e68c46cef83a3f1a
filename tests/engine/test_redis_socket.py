"""Commands and answers in their order, and no wait without an end."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import RedisError

from omcrm.engine.redis_socket import RedisSocket
from tests.conftest import missing
from tests.engine.redis_server import RedisServer
from tests.processes import free_port


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


def test_tls_needs_a_certificate_that_is_known(tmp_path: Path) -> None:
    """One that nobody signed is refused, unless it is named in the URL."""
    certificate, key, port = tmp_path / "crt", tmp_path / "key", free_port()
    command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    names = ("-nodes", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:localhost")
    outputs = ("-out", str(certificate), "-keyout", str(key))
    try:
        subprocess.run([*command, *names, *outputs], check=True, capture_output=True)
    except OSError:
        missing("openssl")
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    server = RedisServer("--tls-port", str(port), *files, "--tls-auth-clients", "no")
    try:
        refused = RedisSocket(f"rediss://localhost:{port}/0", 60.0)
        with pytest.raises((RedisError, OSError), match="certificate"):
            refused.open()
        socket = RedisSocket(f"rediss://localhost:{port}/0?ssl_ca_certs={certificate}", 60.0)
        socket.open()
        large = "x" * 1_000_000
        socket.send("ECHO", large)
        assert large.encode() == socket.receive(60.0)
        assert None is socket.receive(0.01)
        socket.close()
        refused.close()
    finally:
        server.remove()
