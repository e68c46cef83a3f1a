from collections.abc import Collection
from contextlib import nullcontext

import pytest
from sqlalchemy.exc import OperationalError

from omcrm.streaming.client_registry import ClientRegistry
from omcrm.web.session_sweeper import session_sweeper
from tests.processes import wait_for
from tests.streaming.clients import client_of, stranger
from tests.threads import Threads


class Credentials:
    """Returns the ended credentials, or raises."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.asked = 0
        self.error: Exception | None = None

    def __call__(self, handles: Collection[str]) -> set[str]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.dead & set(handles)


def test_only_clients_with_ended_credentials_are_disconnected(threads: Threads) -> None:
    """The thread ends with the last client."""
    registry, credentials = ClientRegistry(), Credentials()
    registry.run_while_connected(session_sweeper(registry, nullcontext, credentials, every=0.01))
    clients = [client_of(1, "token:a"), client_of(1, "token:b"), stranger("1")]
    for client in clients:
        registry.add(client)
    credentials.dead = {"token:a"}
    wait_for(lambda: clients[0].is_ended)
    assert ["session-sweeper"] == threads.new()
    for client in clients:
        registry.remove(client)
    threads.wait()

    assert [True, False, False] == [client.is_ended for client in clients]


def test_what_is_remembered_is_forgotten_first(threads: Threads) -> None:
    """Before it asks for the clients: one that connects later is looked up anew."""
    registry, credentials, order = ClientRegistry(), Credentials(), list[str]()

    def ask(handles: Collection[str]) -> set[str]:
        order.append("asked")
        return credentials(handles)

    def forget() -> None:
        order.append("forgotten")

    registry.run_while_connected(session_sweeper(registry, nullcontext, ask, forget, every=0.01))
    client = client_of(1)
    registry.add(client)
    wait_for(lambda: credentials.asked > 2)
    registry.remove(client)
    threads.wait()

    assert ["forgotten", "asked"] * 2 == order[:4]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OperationalError("", {}, Exception("no server")), "the database cannot be used"),
        (RuntimeError("something else"), "the thread 'session-sweeper' failed"),
    ],
)
def test_it_survives_failures(
    error: Exception, line: str, caplog: pytest.LogCaptureFixture, threads: Threads
) -> None:
    """It goes on when the database can be used again; nobody is disconnected meanwhile."""
    registry, credentials = ClientRegistry(), Credentials()
    registry.run_while_connected(session_sweeper(registry, nullcontext, credentials, every=0.01))
    credentials.error, credentials.dead = error, {"token:1"}
    client = client_of(1)
    registry.add(client)
    wait_for(lambda: line in caplog.text)
    assert not client.is_ended
    credentials.error = None
    wait_for(lambda: client.is_ended)
    registry.remove(client)
    threads.wait()
