from collections.abc import Collection

import pytest

from omcrm.gateways.client_registry import ClientRegistry
from omcrm.gateways.session_sweeper import SessionSweeper
from tests.gateways.clients import EchoDialect, Market, caller, client, context, services
from tests.processes import wait_for
from tests.threads import Threads

SERVICES = services()
DIALECT = EchoDialect(Market())


class Credentials:
    """Returns the ended credentials, or raises where it is broken."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.asked = 0
        self.broken = False

    def __call__(self, handles: Collection[str]) -> set[str]:
        self.asked += 1
        if self.broken:
            raise RuntimeError("the database is away")
        return self.dead & set(handles)


def test_only_clients_with_ended_credentials_are_closed() -> None:
    """With the dialect's reason."""
    registry, credentials = ClientRegistry(5), Credentials()
    dying, living = (client(SERVICES, DIALECT, caller(1, name)) for name in ("token:a", "token:b"))
    for connection in (dying, living, client(SERVICES, DIALECT)):
        registry.add(connection)
    credentials.dead = {"token:a"}
    SessionSweeper(registry, context, credentials).sweep()

    assert (1008, "Session ended") == dying.closed_with
    assert None is living.closed_with


def test_it_runs_while_there_are_clients(
    caplog: pytest.LogCaptureFixture, threads: Threads
) -> None:
    """It survives a failing database, and ends with the last client."""
    registry, credentials = ClientRegistry(5), Credentials()
    sweeper = SessionSweeper(registry, context, credentials, every=0.01)
    someone = client(SERVICES, DIALECT, caller())
    assert registry.add(someone)
    sweeper.start()
    credentials.broken = True
    wait_for(lambda: "sweeping ended" in caplog.text, 5)
    credentials.broken = False
    credentials.dead = {"token:1"}
    wait_for(lambda: someone.closed_with, 5)
    assert ["session-sweeper"] == threads.new()

    registry.remove(someone)
    threads.wait()
    assert registry.add(someone)
