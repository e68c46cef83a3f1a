import socket
import threading

import pytest

from omcrm.serving.server import listen, make_worker
from tests.processes import PATIENCE
from tests.serving.served import app, rest


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_it_listens_on_the_given_host(host: str) -> None:
    """By address or name, in either family; port 0 is chosen by the system."""
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((host, port), timeout=PATIENCE):
            pass

    assert port


def test_a_worker_serves_until_it_is_stopped() -> None:
    """In any thread, and `at_end` closes detached connections."""
    closed: list[int] = []

    def close() -> int:
        closed.append(1)
        return 2 - len(closed)

    with listen("127.0.0.1", 0) as listener:
        worker = make_worker(app, listener)
        worker.at_end = close
        thread = threading.Thread(target=worker.run)
        thread.start()
        with socket.create_connection(listener.getsockname(), timeout=PATIENCE) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = client.recv(1)
            worker.stop()
            answer += rest(client)
        thread.join()

    assert answer.startswith(b"HTTP/1.1 200")
    assert [1, 1] == closed[:2]
