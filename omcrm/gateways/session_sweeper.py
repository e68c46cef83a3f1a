"""Drops the raw sockets whose login or token has ended elsewhere."""

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
    """Looks after the credentials of all clients from a thread that lives while there are any.

    `dead_among` gives those of the handles that hold no more; it is called inside of `context`.
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
        """Begin to look; it ends by itself when nobody is left."""
        threading.Thread(target=self._run, name="gateway-guard", daemon=True).start()

    def _run(self) -> None:
        while not self._registry.may_rest():
            time.sleep(self._every)
            try:
                self.look()
            except Exception as error:
                if not database_away.is_away(error):
                    _log.exception("looking for ended logins and tokens failed")

    def look(self) -> None:
        """Drop those whose credential is dead by now."""
        with self._context():
            dead = self._dead_among(self._registry.handles())
        for client in self._registry.holders(dead):
            client.close(CloseCode.POLICY_VIOLATION, client.dialect.session_ended)
