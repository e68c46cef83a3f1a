"""All connected clients of a process: their limits, their counts, and the threads they need."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeAlias

from omcrm.concurrency import native_lock
from omcrm.errors import AccessRefused
from omcrm.streaming.client_session import ClientSession
from omcrm.streaming.demand_thread import DemandThread
from omcrm.wire.client_counts import ClientCounts, UserClients
from omcrm.wire.error_code import ErrorCode

OwnerKey: TypeAlias = tuple[str, int | str]
"""What is counted together (a noun), and whose it is: a user's id, or an address."""


class ClientRegistry:
    """The connected clients of all dialects; thread-safe.

    Anonymous clients are limited by their address, others by their user.
    """

    def __init__(self) -> None:
        self._lock = native_lock()
        self._clients: dict[str, ClientSession] = {}
        self._per_owner: Counter[OwnerKey] = Counter()
        self._refused: Counter[str] = Counter()
        self._counted: dict[str, Counter[str]] = {}
        self._threads: tuple[DemandThread, ...] = ()
        self.count_elsewhere: Callable[[OwnerKey], int] = lambda key: 0
        """How many connections an owner has at other processes; called with the lock held."""

    def __bool__(self) -> bool:
        return bool(self._clients)

    def run_while_connected(self, thread: DemandThread) -> None:
        """Start this thread with each client from now on; `bool(registry)` is its demand."""
        self._threads += (thread,)

    def add(self, client: ClientSession) -> None:
        """Register a client; refused with LIMIT_EXCEEDED where its owner has too many."""
        limits, key = client.limits, (client.limits.noun, client.owner)
        with self._lock:
            if self._per_owner.get(key, 0) + self.count_elsewhere(key) >= limits.connections:
                message = f"too many {limits.noun} ({limits.connections}): {limits.advice}"
                raise AccessRefused(ErrorCode.LIMIT_EXCEEDED, message, 429)
            self._clients[client.id] = client
            self._per_owner[key] += 1
        for thread in self._threads:
            thread.start()

    def remove(self, client: ClientSession) -> bool:
        """Remove a client; False where it is not registered."""
        key = (client.limits.noun, client.owner)
        with self._lock:
            if self._clients.pop(client.id, None) is None:
                return False
            self._per_owner[key] -= 1
            if not self._per_owner[key]:
                del self._per_owner[key]
            return True

    # Looking up

    def get(self, client_id: str) -> ClientSession | None:
        """The connected client with this id."""
        return self._clients.get(client_id)

    def clients(
        self, user_id: int | None = None, dialect: str | None = None
    ) -> list[ClientSession]:
        """All clients, or those of a user or of a dialect."""
        with self._lock:
            clients = list(self._clients.values())
        return [
            client
            for client in clients
            if (user_id is None or (client.caller is not None and client.caller.user_id == user_id))
            and (dialect is None or client.dialect_name == dialect)
        ]

    def split(self, dialect: str) -> tuple[list[ClientSession], list[ClientSession]]:
        """The clients of one dialect, and all others."""
        clients = self.clients()
        return [client for client in clients if client.dialect_name == dialect], [
            client for client in clients if client.dialect_name != dialect
        ]

    def handles(self) -> set[str]:
        """The credentials of the connected clients."""
        return {client.caller.handle for client in self.clients() if client.caller is not None}

    def end_logins(self, handles: Collection[str]) -> None:
        """Disconnect the clients that use one of these credentials."""
        for client in self.clients():
            if client.caller is not None and client.caller.handle in handles:
                client.end_login()

    # Counting

    def counts_by_owner(self) -> dict[OwnerKey, int]:
        """How many connections each owner has here."""
        with self._lock:
            return dict(self._per_owner)

    def count(self, dialect: str, what: str, number: int = 1) -> None:
        """Add to a counter of a dialect."""
        with self._lock:
            self._counted.setdefault(dialect, Counter())[what] += number

    def count_refusal(self, reason: str) -> None:
        """Count a refused handshake."""
        with self._lock:
            self._refused[reason] += 1

    def counts(self, clients: Sequence[ClientSession] | None = None) -> ClientCounts:
        """How many these clients (all) and their subscriptions are, and the counters so far."""
        clients = self.clients() if clients is None else clients
        with self._lock:
            counted = {name: dict(item) for name, item in self._counted.items()}
            refused = dict(self._refused)
        names = counted.keys() | {client.dialect_name for client in clients}
        return ClientCounts(
            connections=len(clients),
            owners=len({client.owner for client in clients}),
            subscriptions=subscriptions(clients),
            dialects={name: _of_dialect(name, clients, counted) for name in sorted(names)},
            refused=refused,
        )


def subscriptions(clients: Iterable[ClientSession]) -> int:
    """How many subscriptions these clients have together."""
    return sum(len(client.subscriptions) for client in clients)


def by_user(clients: Iterable[ClientSession]) -> list[UserClients]:
    """Connections and subscriptions of each user, for administrators; one row for anonymous."""
    of_user: dict[int | None, list[ClientSession]] = {}
    for client in clients:
        user = None if client.caller is None else client.caller.user_id
        of_user.setdefault(user, []).append(client)
    strangers_last = sorted(of_user, key=lambda user: (user is None, user))
    return [
        UserClients(
            user_id=user,
            connections=len(of_user[user]),
            subscriptions=subscriptions(of_user[user]),
        )
        for user in strangers_last
    ]


def _of_dialect(
    name: str, clients: Sequence[ClientSession], counted: dict[str, dict[str, int]]
) -> dict[str, int]:
    of_dialect = [client for client in clients if client.dialect_name == name]
    return {
        "connections": len(of_dialect),
        "subscriptions": subscriptions(of_dialect),
        **counted.get(name, {}),
    }
