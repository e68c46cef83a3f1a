import socket
import threading
from collections.abc import Iterator

import pytest

from simulator.drill.processes.tcp_relay import TcpRelay
from tests.processes import PATIENCE, wait_for


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends everything back."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(client: socket.socket) -> None:
        with client:
            while data := client.recv(100):
                client.sendall(data)

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(client,), daemon=True).start()

    server = threading.Thread(target=serve)
    server.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    server.join()


@pytest.fixture
def relay(echo: int) -> Iterator[TcpRelay]:
    """An open relay before it."""
    relay = TcpRelay(echo)
    relay.start()
    yield relay
    relay.stop()


def connect(relay: TcpRelay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), timeout=PATIENCE)


def test_while_it_is_shut_nothing_gets_through_and_nothing_is_refused(relay: TcpRelay) -> None:
    """What was sent meanwhile arrives late, also on a new connection."""
    with connect(relay) as first:
        first.sendall(b"one")
        assert b"one" == first.recv(100)
        with relay.shut(), connect(relay) as second:
            for client in (first, second):
                client.sendall(b"two")
                client.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    client.recv(100)
                client.settimeout(PATIENCE)
        assert b"two" == first.recv(100)


def test_the_end_of_a_connection_is_handed_on(relay: TcpRelay) -> None:
    """And where no server answers, the connection ends."""
    with connect(relay) as client:
        client.shutdown(socket.SHUT_WR)
        assert b"" == client.recv(100)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        lonely = TcpRelay(unused.getsockname()[1])
        lonely.start()
        with connect(lonely) as client:
            wait_for(lambda: b"" == client.recv(100), what="the end")
        lonely.stop()
