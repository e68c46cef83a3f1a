import threading
from collections.abc import Collection

import pytest

from omcrm.errors import AccessRefused
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.client_registry import ClientRegistry, SessionSweeper
from tests.gateways.clients import EchoDialect, Market, caller, client, context, services
from tests.processes import wait_for
from tests.threads import Threads

SERVICES = services()
DIALECT = EchoDialect(Market())


def of(user_id: int, handle: str = "token:1") -> ClientConnection:
    return client(SERVICES, DIALECT, caller(user_id, handle))


def stranger(address: str) -> ClientConnection:
    return client(SERVICES, DIALECT, None, address)


def entered(registry: ClientRegistry, *clients: ClientConnection) -> tuple[ClientConnection, ...]:
    for member in clients:
        registry.add(member)
    return clients


def test_a_user_has_a_limit_and_so_has_an_address() -> None:
    """Users do not share a limit, and an address that looks like a user's id is no user."""
    registry = ClientRegistry(2)
    entered(registry, of(1), of(1), of(2), stranger("1"), stranger("1"))

    for connection in (of(1), stranger("1")):
        with pytest.raises(AccessRefused, match=r"too many connections \(2\)") as refusal:
            registry.add(connection)
        assert ("LIMIT_EXCEEDED", 429) == (refusal.value.code, refusal.value.status)
    entered(registry, of(2), stranger("2"))


def test_a_removed_client_does_not_count() -> None:
    """Removing it twice frees one place only."""
    registry = ClientRegistry(1)
    (first,) = entered(registry, of(1))
    registry.remove(first)
    registry.remove(first)
    entered(registry, of(1))

    with pytest.raises(AccessRefused):
        registry.add(of(1))


def test_the_limit_holds_for_concurrent_clients(restless: None) -> None:
    """Of sixty additions from six threads five succeed."""
    registry, refused = ClientRegistry(5), list[str]()

    def come() -> None:
        for _ in range(10):
            try:
                registry.add(of(1))
            except AccessRefused as refusal:
                refused.append(refusal.code)

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 5 == len(registry.clients())
    assert ["LIMIT_EXCEEDED"] * 55 == refused


def test_one_sweeper_is_started_until_the_registry_is_empty() -> None:
    """The first client starts it, and the first one after the registry was empty."""
    registry = ClientRegistry(5)
    first, second = of(1), of(1)

    assert [True, False] == [registry.add(first), registry.add(second)]
    registry.remove(first)
    assert not registry.stop_sweeper_if_empty()
    registry.remove(second)
    assert registry.stop_sweeper_if_empty()
    assert registry.add(of(1))


def test_clients_by_owner() -> None:
    """By credential, user and dialect; anonymous clients have no credential."""
    registry = ClientRegistry(5)
    one, two, three, _ = entered(
        registry, of(1, "token:a"), of(1, "session:b"), of(2, "token:a"), stranger("1")
    )

    assert {"token:a", "session:b"} == registry.handles()
    assert [one, three] == registry.holders({"token:a", "token:x"})
    assert [one, two] == registry.clients(1)
    assert 4 == len(registry.clients(dialect="echo"))
    assert [] == registry.clients(dialect="other")


def test_counts() -> None:
    """Totals for every user, and each user's numbers for administrators."""
    registry = ClientRegistry(5)
    one, *_ = entered(registry, of(7), of(7), of(3), stranger("1"))
    one.accept(["BTC", "ETH"])
    registry.count("echo", "messages_in", 3)
    registry.count("gone", "messages_in")
    registry.count_refusal("LIMIT_EXCEEDED")

    assert {
        "connections": 4,
        "owners": 3,
        "subscriptions": 2,
        "dialects": {
            "gone": {"connections": 0, "subscriptions": 0, "messages_in": 1},
            "echo": {"connections": 4, "subscriptions": 2, "messages_in": 3},
        },
        "refused": {"LIMIT_EXCEEDED": 1},
    } == registry.counts()
    assert [
        {"user_id": 3, "connections": 1, "subscriptions": 0},
        {"user_id": 7, "connections": 2, "subscriptions": 2},
        {"user_id": None, "connections": 1, "subscriptions": 0},
    ] == registry.by_user()


# Ended logins and tokens


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
