import threading

import pytest

from omcrm.errors import AccessRefused
from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.client_registry import ClientRegistry
from tests.gateways.clients import Market, Parrot, caller, client, services

HOUSE = services()
PARROT = Parrot(Market())


def of(user_id: int, handle: str = "token:1") -> ClientConnection:
    return client(HOUSE, PARROT, caller(user_id, handle))


def stranger(address: str) -> ClientConnection:
    return client(HOUSE, PARROT, None, address)


def entered(registry: ClientRegistry, *clients: ClientConnection) -> tuple[ClientConnection, ...]:
    for member in clients:
        registry.enter(member)
    return clients


def test_a_user_has_a_limit_and_so_has_an_address() -> None:
    """Users cost each other nothing, and a stranger with a user's number is no user."""
    registry = ClientRegistry(2)
    entered(registry, of(1), of(1), of(2), stranger("1"), stranger("1"))

    for connection in (of(1), stranger("1")):
        with pytest.raises(AccessRefused, match=r"too many connections \(2\)") as refusal:
            registry.enter(connection)
        assert ("LIMIT_EXCEEDED", 429) == (refusal.value.code, refusal.value.status)
    entered(registry, of(2), stranger("2"))


def test_who_leaves_makes_room() -> None:
    """Once, however often it is said."""
    registry = ClientRegistry(1)
    (first,) = entered(registry, of(1))
    registry.leave(first)
    registry.leave(first)
    entered(registry, of(1))

    with pytest.raises(AccessRefused):
        registry.enter(of(1))


def test_many_at_once_get_no_more_than_there_is(restless: None) -> None:
    """Clients that come at the same moment cannot all slip through."""
    registry, refused = ClientRegistry(5), list[str]()

    def come() -> None:
        for _ in range(10):
            try:
                registry.enter(of(1))
            except AccessRefused as refusal:
                refused.append(refusal.code)

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 5 == len(registry.clients())
    assert ["LIMIT_EXCEEDED"] * 55 == refused


def test_a_guard_is_wanted_once_until_it_may_rest() -> None:
    """The first one to come wants it, and the first one after everybody has gone."""
    registry = ClientRegistry(5)
    first, second = of(1), of(1)

    assert [True, False] == [registry.enter(first), registry.enter(second)]
    registry.leave(first)
    assert not registry.may_rest()
    registry.leave(second)
    assert registry.may_rest()
    assert registry.enter(of(1))


def test_clients_are_found_by_whose_they_are() -> None:
    """By credential, user and dialect; strangers have no credential."""
    registry = ClientRegistry(5)
    one, two, three, _ = entered(
        registry, of(1, "token:a"), of(1, "session:b"), of(2, "token:a"), stranger("1")
    )

    assert {"token:a", "session:b"} == registry.handles()
    assert [one, three] == registry.holders({"token:a", "token:x"})
    assert [one, two] == registry.clients(1)
    assert 4 == len(registry.clients(dialect="parrot"))
    assert [] == registry.clients(dialect="other")


def test_counts() -> None:
    """Numbers for everybody, and who has what for administrators."""
    registry = ClientRegistry(5)
    one, *_ = entered(registry, of(7), of(7), of(3), stranger("1"))
    one.accept(["BTC", "ETH"])
    registry.count("parrot", "messages_in", 3)
    registry.count("gone", "messages_in")
    registry.count_refusal("LIMIT_EXCEEDED")

    assert {
        "connections": 4,
        "owners": 3,
        "subscriptions": 2,
        "dialects": {
            "gone": {"connections": 0, "subscriptions": 0, "messages_in": 1},
            "parrot": {"connections": 4, "subscriptions": 2, "messages_in": 3},
        },
        "refused": {"LIMIT_EXCEEDED": 1},
    } == registry.counts()
    assert [
        {"user_id": 3, "connections": 1, "subscriptions": 0},
        {"user_id": 7, "connections": 2, "subscriptions": 2},
        {"user_id": None, "connections": 1, "subscriptions": 0},
    ] == registry.by_user()
