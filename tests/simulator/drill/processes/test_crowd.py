import threading
import time
from collections.abc import Iterator

import pytest
from websockets.sync.server import Server, ServerConnection, serve

from simulator.drill.processes.account import Account
from simulator.drill.processes.crowd import Crowd
from tests.processes import wait_for

ACCOUNT = Account(7, "session=s", "token")


@pytest.fixture
def server() -> Iterator[Server]:
    """Answers what it is sent, and then says something ten times a second."""

    def answer(connection: ServerConnection) -> None:
        connection.send(connection.recv())
        while True:
            connection.send("{}")
            time.sleep(0.1)

    with serve(answer, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_crowd_finds_the_address_that_answers(server: Server) -> None:
    """All of them, and it tells how long they waited."""
    address = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
    crowd = Crowd(ACCOUNT, ["http://127.0.0.1:1", address], 5)
    crowd.start()
    try:
        wait_for(lambda: crowd.is_complete(0.0), what="all of them")
        crowd.forget()
        now = time.monotonic()
        wait_for(lambda: crowd.is_complete(now), what="more")
    finally:
        crowd.stop()

    assert crowd.figures().startswith("5 more clients: half of them at most 0.")
