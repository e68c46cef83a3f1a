"""The connected clients of raw WebSockets, and the sweeper that ends them with their login."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from websockets.frames import CloseCode

from omcrm.concurrency import native_lock
from omcrm.errors import AccessRefused
from omcrm.web import database_away

if TYPE_CHECKING:
    from omcrm.gateways.client_connection import ClientConnection

# How often credentials are checked, in seconds.
_EVERY = 2.0

# The name that operators know these lines by.
_log = logging.getLogger(__name__)


class ClientRegistry:
    """The connected clients of all dialects; thread-safe.

    Each user may have `most` of them; anonymous clients are limited by their address.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = native_lock()
        self._clients: dict[ClientConnection, None] = {}
        self._per_owner: Counter[int | str] = Counter()
        self._refused: Counter[str] = Counter()
        self._counted: dict[str, Counter[str]] = {}
        self._has_sweeper = False

    def add(self, client: "ClientConnection") -> bool:
        """Register a client; refused with LIMIT_EXCEEDED where its owner has too many.

        Returns True where a session sweeper must be started, which runs until
        `stop_sweeper_if_empty` returns True.
        """
        with self._lock:
            if self._per_owner[client.owner] >= self._most:
                message = f"too many connections ({self._most}): close one first"
                raise AccessRefused("LIMIT_EXCEEDED", message, 429)
            self._clients[client] = None
            self._per_owner[client.owner] += 1
            had_sweeper, self._has_sweeper = self._has_sweeper, True
            return not had_sweeper

    def remove(self, client: "ClientConnection") -> None:
        """Remove a client; does nothing for one that is not registered."""
        with self._lock:
            if client not in self._clients:
                return
            del self._clients[client]
            self._per_owner[client.owner] -= 1
            if not self._per_owner[client.owner]:
                del self._per_owner[client.owner]

    def stop_sweeper_if_empty(self) -> bool:
        """Return whether the sweeper must stop because no client is left."""
        with self._lock:
            self._has_sweeper = bool(self._clients)
            return not self._has_sweeper

    # By owner

    def handles(self) -> set[str]:
        """The credentials of the connected clients."""
        return {client.caller.handle for client in self.clients() if client.caller is not None}

    def holders(self, handles: Collection[str]) -> "list[ClientConnection]":
        """The clients that use one of these credentials."""
        return [
            client
            for client in self.clients()
            if client.caller is not None and client.caller.handle in handles
        ]

    def clients(
        self, user_id: int | None = None, dialect: str | None = None
    ) -> "list[ClientConnection]":
        """All clients, or those of a user or of a dialect."""
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
        """Add to a counter of a dialect."""
        with self._lock:
            self._counted.setdefault(dialect, Counter())[what] += number

    def count_refusal(self, reason: str) -> None:
        """Count a refused handshake."""
        with self._lock:
            self._refused[reason] += 1

    def counts(self) -> dict[str, Any]:
        """How many clients and subscriptions there are, and the counters so far; for every user."""
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
        """Connections and subscriptions of each user, for administrators; one row for anonymous."""
        subscriptions: dict[int | None, list[int]] = {}
        for client in self.clients():
            user = None if client.caller is None else client.caller.user_id
            subscriptions.setdefault(user, []).append(len(client.subscriptions))
        strangers_last = sorted(subscriptions.items(), key=lambda owned: (owned[0] is None, owned))
        return [
            {"user_id": user, "connections": len(counts), "subscriptions": sum(counts)}
            for user, counts in strangers_last
        ]


class SessionSweeper:
    """Checks the credentials of all clients in a thread that runs while there are any.

    `dead_among` returns those of the handles that are no longer valid; it is called inside of
    `context`.
    """

    def __init__(
        self,
        registry: ClientRegistry,
        context: Callable[[], AbstractContextManager[object]],
        dead_among: Callable[[Collection[str]], set[str]],
        every: float = _EVERY,
    ) -> None:
        self._registry = registry
        self._context = context
        self._dead_among = dead_among
        self._every = every

    def start(self) -> None:
        """Start the thread; it ends when no client is left."""
        threading.Thread(target=self._run, name="session-sweeper", daemon=True).start()

    def _run(self) -> None:
        while not self._registry.stop_sweeper_if_empty():
            time.sleep(self._every)
            try:
                self.sweep()
            except Exception as error:
                if not database_away.is_away(error):
                    _log.exception("sweeping ended logins and tokens failed")

    def sweep(self) -> None:
        """Close the clients whose credential has ended."""
        with self._context():
            dead = self._dead_among(self._registry.handles())
        for client in self._registry.holders(dead):
            client.close(CloseCode.POLICY_VIOLATION, client.dialect.session_ended)
