import os
import signal
import socket
from pathlib import Path

import pytest

from omcrm.serving.listener import listen, refuse
from tests.processes import PATIENCE, free_port, wait_for
from tests.serving.served import NAMES, Served, rest


class Slow(Served):
    """An app that is not loaded before the file `load on` is there."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        super().__init__(folder, name, app="tests.serving.slow_app:app")

    def answers(self) -> bool:
        """Whether it has begun to load."""
        assert self.process.poll() is None, self.output()
        return self.loads() > 0

    def loads(self) -> int:
        """How many workers have begun to load it."""
        return len(list(self.folder.glob("loads-*")))

    def is_served(self) -> bool:
        """Whether it answers."""
        try:
            return self.get("/").startswith(b"HTTP/1.1 200")
        except ConnectionError:
            return False


def is_refused(served: Served) -> bool:
    """Whether a new client is refused."""
    try:
        served.connect().close()
    except ConnectionError:
        return True
    return False


def test_a_refusing_socket_keeps_its_address() -> None:
    """A client is refused, nobody else gets the address, and later it is served."""
    with socket.socket() as listener:
        address = ("127.0.0.1", free_port())
        listener.bind(address)
        listener.listen(1)
        refuse(listener)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, PATIENCE)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(address)
        listen(listener, 5)
        listen(listener, 5)
        with socket.create_connection(address, PATIENCE):
            listener.accept()[0].close()


@pytest.mark.parametrize("mode", NAMES)
def test_clients_are_refused_until_the_app_is_loaded(tmp_path: Path, mode: str) -> None:
    """At the start, and when a worker was lost: a balancer asks another process meanwhile."""
    with Slow(tmp_path, f"gunicorn on {mode}") as served:
        assert is_refused(served)

        (tmp_path / "load on").touch()
        wait_for(served.is_served, what="an answer")
        (tmp_path / "load on").unlink()
        os.kill(served.worker(), signal.SIGKILL)
        wait_for(lambda: served.loads() > 1, what="the next worker")

        assert is_refused(served)

        (tmp_path / "load on").touch()
        wait_for(served.is_served, what="an answer")


@pytest.mark.parametrize("mode", NAMES)
def test_clients_are_refused_while_requests_end(tmp_path: Path, mode: str) -> None:
    """After TERM those of before get their answers, and no new one waits for nothing."""
    options = ("--graceful-timeout", "600")
    with Served(tmp_path, f"gunicorn on {mode}", *options) as served, served.connect() as client:
        client.sendall(b"GET /waits HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for((tmp_path / "begun").exists, what="the request")
        served.process.terminate()
        wait_for(lambda: is_refused(served), what="a refusal")
        (tmp_path / "go on").touch()

        assert b" 200 " in rest(client)
        assert 0 == served.process.wait(PATIENCE)
