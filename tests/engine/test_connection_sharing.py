"""A limit of connections holds for all processes, and each counts alone where it must."""

from collections.abc import Iterator

import pytest

from omcrm.engine.bus import BusLost, ConnectionCounts, LocalBus
from omcrm.engine.connection_sharing import ConnectionSharing
from omcrm.errors import AccessRefused
from omcrm.streaming.client_registry import ClientRegistry
from omcrm.streaming.client_session import ClientLimits, ClientSession
from tests.processes import wait_for

LIMITS = ClientLimits(3, 10)


class Client(ClientSession):
    def end_login(self) -> None: ...


def client(address: str = "10.0.0.1") -> Client:
    return Client("test", None, address, LIMITS)


@pytest.fixture
def registries() -> Iterator[list[ClientRegistry]]:
    """Those of two processes, on one bus."""
    bus, registries = LocalBus(), [ClientRegistry(), ClientRegistry()]
    for registry in registries:
        ConnectionSharing(bus, registry).begin()
    yield registries
    for registry in registries:
        for connected in registry.clients():
            registry.remove(connected)


def elsewhere(registry: ClientRegistry, address: str = "10.0.0.1") -> int:
    return registry.count_elsewhere(("connections", address))


def test_connections_at_the_other_process_count(registries: list[ClientRegistry]) -> None:
    """Each owner by itself."""
    first, second = registries
    first.add(client())
    first.add(client())
    first.add(client("10.0.0.2"))
    wait_for(lambda: elsewhere(second) == 2, what="the counts")
    second.add(client())
    with pytest.raises(AccessRefused):
        second.add(client())

    assert 0 == elsewhere(second, "10.0.0.3")
    second.add(client("10.0.0.2"))


def test_closed_connections_count_no_more(registries: list[ClientRegistry]) -> None:
    """Also the last one of a process."""
    first, second = registries
    connected = [client() for _ in range(3)]
    for one in connected:
        first.add(one)
    wait_for(lambda: elsewhere(second) == 3, what="the counts")
    for one in connected:
        first.remove(one)
    wait_for(lambda: elsewhere(second) == 0, what="the end")

    second.add(client())


def test_the_table_of_a_process_replaces_what_is_known() -> None:
    """One that has ended has none; while the bus is lost nobody has."""
    bus, registry = LocalBus(), ClientRegistry()
    ConnectionSharing(bus, registry).begin()
    name = "connections:10.0.0.1"
    bus.publish(ConnectionCounts("a", {name: 2, "other:1": 1}))
    bus.publish(ConnectionCounts("b", {name: 1}))
    assert 3 == elsewhere(registry)
    bus.publish(ConnectionCounts("a", {"other:1": 0}))
    assert 3 == elsewhere(registry)
    bus.publish(ConnectionCounts("a", {}, is_all=True))
    assert 1 == elsewhere(registry)
    bus.publish(BusLost())

    assert 0 == elsewhere(registry)
