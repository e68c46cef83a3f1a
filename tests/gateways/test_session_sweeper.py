from collections.abc import Collection

import pytest

from omcrm.gateways.client_registry import ClientRegistry
from omcrm.gateways.session_sweeper import SessionSweeper
from tests.gateways.clients import Market, Parrot, caller, client, context, services
from tests.processes import wait_for
from tests.threads import Threads

HOUSE = services()
PARROT = Parrot(Market())


class Credentials:
    """Says who is dead, or that it cannot be asked."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.asked = 0
        self.broken = False

    def __call__(self, handles: Collection[str]) -> set[str]:
        self.asked += 1
        if self.broken:
            raise RuntimeError("the database is gone")
        return self.dead & set(handles)


def test_the_dead_are_dropped_and_no_others() -> None:
    """With the dialect's word for it."""
    registry, credentials = ClientRegistry(5), Credentials()
    dying, living = (client(HOUSE, PARROT, caller(1, name)) for name in ("token:a", "token:b"))
    for connection in (dying, living, client(HOUSE, PARROT)):
        registry.enter(connection)
    credentials.dead = {"token:a"}
    SessionSweeper(registry, context, credentials).look()

    assert (1008, "Session ended") == dying.goodbye
    assert None is living.goodbye


def test_it_lives_while_there_is_anybody(
    caplog: pytest.LogCaptureFixture, threads: Threads
) -> None:
    """It outlives a database that cannot be asked, and ends with the last client."""
    registry, credentials = ClientRegistry(5), Credentials()
    guard = SessionSweeper(registry, context, credentials, every=0.01)
    someone = client(HOUSE, PARROT, caller())
    assert registry.enter(someone)
    guard.start()
    credentials.broken = True
    wait_for(lambda: "looking for ended" in caplog.text, 5)
    credentials.broken = False
    credentials.dead = {"token:1"}
    wait_for(lambda: someone.goodbye, 5)
    assert ["gateway-guard"] == threads.new()

    registry.leave(someone)
    threads.wait()
    assert registry.enter(someone)
