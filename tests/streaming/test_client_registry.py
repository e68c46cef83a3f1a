import threading

import pytest

from omcrm.errors import AccessRefused
from omcrm.streaming.client_registry import ClientRegistry, by_user, subscriptions
from omcrm.streaming.demand_thread import DemandThread
from omcrm.wire.client_counts import ClientCounts, UserClients
from tests.processes import wait_for
from tests.streaming.clients import IdleClient, client_of, stranger
from tests.threads import Threads

PAGES = {"noun": "open pages", "advice": "close one and reload"}


def registered(registry: ClientRegistry, *clients: IdleClient) -> tuple[IdleClient, ...]:
    for client in clients:
        registry.add(client)
    return clients


def test_a_user_has_a_limit_and_so_has_an_address() -> None:
    """Users do not share a limit, and an address that looks like a user's id is no user."""
    registry = ClientRegistry()
    two = {"connections": 2}
    for client in (client_of(1, **two), stranger("1", **two)) * 2:
        registry.add(client)
        registry.remove(client)
    registered(registry, *(client_of(1, **two) for _ in range(2)), client_of(2, **two))
    registered(registry, *(stranger("1", **two) for _ in range(2)))

    for client in (client_of(1, **two), stranger("1", **two)):
        with pytest.raises(AccessRefused, match=r"too many connections \(2\): close") as refusal:
            registry.add(client)
        assert ("LIMIT_EXCEEDED", 429) == (refusal.value.code, refusal.value.status)
        assert None is registry.get(client.id)
    registered(registry, client_of(2, **two), stranger("2", **two))


def test_pages_and_connections_count_apart() -> None:
    """A user with all connections may open a page, and reads what to do with too many pages."""
    registry = ClientRegistry()
    registered(registry, client_of(1, connections=1), client_of(1, connections=1, **PAGES))

    with pytest.raises(AccessRefused, match=r"too many open pages \(1\): close one and reload"):
        registry.add(client_of(1, connections=1, **PAGES))


def test_a_removed_client_does_not_count() -> None:
    """Removing it twice frees one place only."""
    registry = ClientRegistry()
    (first,) = registered(registry, client_of(1, connections=1))

    assert [True, False] == [registry.remove(first), registry.remove(first)]
    registered(registry, client_of(1, connections=1))
    with pytest.raises(AccessRefused):
        registry.add(client_of(1, connections=1))


def test_the_limit_holds_for_concurrent_clients(restless: None) -> None:
    """Of sixty additions from six threads five succeed."""
    registry, refused = ClientRegistry(), list[str]()

    def come() -> None:
        for _ in range(10):
            try:
                registry.add(client_of(1))
            except AccessRefused as refusal:
                refused.append(refusal.code)

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 5 == len(registry.clients())
    assert ["LIMIT_EXCEEDED"] * 55 == refused


def test_threads_run_while_clients_are_connected(threads: Threads) -> None:
    """One thread however many there are, and a new one for the first client after a pause."""
    registry = ClientRegistry()
    registry.run_while_connected(DemandThread("looker", lambda: 0.01, lambda: bool(registry)))

    for _ in range(2):
        clients = registered(registry, client_of(1), client_of(2))
        assert ["looker"] == threads.new()
        for client in clients:
            registry.remove(client)
        threads.wait()


def test_clients_by_user_dialect_and_id() -> None:
    """Anonymous clients belong to no user."""
    registry = ClientRegistry()
    one, two, three = registered(
        registry, client_of(1), client_of(1, dialect="desk"), stranger("1")
    )

    assert [one, two] == registry.clients(1)
    assert [one] == registry.clients(1, "echo")
    assert [] == registry.clients(dialect="other")
    assert ([two], [one, three]) == registry.split("desk")
    assert two is registry.get(two.id)


def test_clients_of_ended_logins_are_disconnected() -> None:
    """All with the credential, and no others; anonymous clients have none."""
    registry = ClientRegistry()
    clients = registered(
        registry, client_of(1, "token:a"), client_of(1, "session:b"), client_of(2, "token:a"),
        stranger("1"),
    )  # fmt: skip
    assert {"token:a", "session:b"} == registry.handles()
    registry.end_logins({"token:a", "token:x"})

    assert [True, False, True, False] == [client.is_ended for client in clients]


def test_counts() -> None:
    """Totals for every user, and each user's numbers for administrators."""
    registry = ClientRegistry()
    one, *_ = registered(registry, client_of(7), client_of(7), client_of(3), stranger("1"))
    one.accept(["BTC", "ETH"])
    registry.count("echo", "messages_in", 3)
    registry.count("gone", "messages_in")
    registry.count_refusal("LIMIT_EXCEEDED")

    assert (
        ClientCounts(
            connections=4,
            owners=3,
            subscriptions=2,
            dialects={
                "gone": {"connections": 0, "subscriptions": 0, "messages_in": 1},
                "echo": {"connections": 4, "subscriptions": 2, "messages_in": 3},
            },
            refused={"LIMIT_EXCEEDED": 1},
        )
        == registry.counts()
    )
    assert 2 == subscriptions(registry.clients())
    assert [
        UserClients(user_id=3, connections=1, subscriptions=0),
        UserClients(user_id=7, connections=2, subscriptions=2),
        UserClients(user_id=None, connections=1, subscriptions=0),
    ] == by_user(registry.clients())


def test_an_empty_registry_is_false() -> None:
    """It needs no threads."""
    registry = ClientRegistry()
    assert not registry
    (client,) = registered(registry, client_of(1))
    assert registry
    registry.remove(client)
    wait_for(lambda: not registry)
