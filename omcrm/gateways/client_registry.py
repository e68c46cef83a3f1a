"""Who is connected on raw WebSockets, how many that may be, and what is counted of them."""

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from omcrm.concurrency import native_lock
from omcrm.errors import AccessRefused

if TYPE_CHECKING:
    from omcrm.gateways.client_connection import ClientConnection


class ClientRegistry:
    """The connected clients of all dialects; thread-safe.

    A user may have `most` of them; of strangers, an address may.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = native_lock()
        self._clients: dict[ClientConnection, None] = {}
        self._taken: Counter[int | str] = Counter()
        self._refused: Counter[str] = Counter()
        self._counted: dict[str, Counter[str]] = {}
        self._guarded = False

    def enter(self, client: "ClientConnection") -> bool:
        """Let a client in; refused with LIMIT_EXCEEDED where its owner has too many.

        True where a guard must be started, who looks after the credentials until `may_rest`.
        """
        with self._lock:
            if self._taken[client.owner] >= self._most:
                message = f"too many connections ({self._most}): close one first"
                raise AccessRefused("LIMIT_EXCEEDED", message, 429)
            self._clients[client] = None
            self._taken[client.owner] += 1
            guarded, self._guarded = self._guarded, True
            return not guarded

    def leave(self, client: "ClientConnection") -> None:
        """The client is gone; twice is once."""
        with self._lock:
            if client not in self._clients:
                return
            del self._clients[client]
            self._taken[client.owner] -= 1
            if not self._taken[client.owner]:
                del self._taken[client.owner]

    def may_rest(self) -> bool:
        """Whether the guard may go, because nobody is left."""
        with self._lock:
            self._guarded = bool(self._clients)
            return not self._guarded

    # Whose they are

    def handles(self) -> set[str]:
        """The credentials that the clients came with."""
        return {client.caller.handle for client in self.clients() if client.caller is not None}

    def holders(self, handles: Collection[str]) -> "list[ClientConnection]":
        """The clients that came with one of these credentials."""
        return [
            client
            for client in self.clients()
            if client.caller is not None and client.caller.handle in handles
        ]

    def clients(
        self, user_id: int | None = None, dialect: str | None = None
    ) -> "list[ClientConnection]":
        """All of them, or those of a user or of a dialect."""
        with self._lock:
            clients = list(self._clients)
        return [
            client
            for client in clients
            if (user_id is None or (client.caller is not None and client.caller.user_id == user_id))
            and (dialect is None or client.dialect.name == dialect)
        ]

    # Counting

    def count(self, dialect: str, what: str, number: int = 1) -> None:
        """Note that something happened to a client of a dialect."""
        with self._lock:
            self._counted.setdefault(dialect, Counter())[what] += number

    def count_refusal(self, reason: str) -> None:
        """Note that somebody was not let in."""
        with self._lock:
            self._refused[reason] += 1

    def counts(self) -> dict[str, Any]:
        """How many clients and subscriptions there are, and what happened so far: for everybody."""
        clients = self.clients()
        with self._lock:
            counted = {name: dict(item) for name, item in self._counted.items()}
            refused = dict(self._refused)
        names = counted.keys() | {client.dialect.name for client in clients}
        return {
            "connections": len(clients),
            "owners": len({client.owner for client in clients}),
            "subscriptions": sum(len(client.subscriptions) for client in clients),
            "dialects": {
                name: {
                    "connections": sum(client.dialect.name == name for client in clients),
                    "subscriptions": sum(
                        len(client.subscriptions)
                        for client in clients
                        if client.dialect.name == name
                    ),
                    **counted.get(name, {}),
                }
                for name in sorted(names)
            },
            "refused": refused,
        }

    def by_user(self) -> list[dict[str, Any]]:
        """The same for each user, for administrators; strangers are all together."""
        subscriptions: dict[int | None, list[int]] = {}
        for client in self.clients():
            user = None if client.caller is None else client.caller.user_id
            subscriptions.setdefault(user, []).append(len(client.subscriptions))
        strangers_last = sorted(subscriptions.items(), key=lambda owned: (owned[0] is None, owned))
        return [
            {"user_id": user, "connections": len(counts), "subscriptions": sum(counts)}
            for user, counts in strangers_last
        ]
