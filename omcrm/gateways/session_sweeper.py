"""Closes the raw WebSockets whose login or token has ended."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

from websockets.frames import CloseCode

from omcrm.gateways.client_registry import ClientRegistry
from omcrm.web import database_away

_EVERY = 2.0

_log = logging.getLogger(__name__)


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
