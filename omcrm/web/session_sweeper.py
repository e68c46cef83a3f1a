"""Disconnects clients whose login or token has ended elsewhere."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

from omcrm.streaming.client_registry import ClientRegistry
from omcrm.streaming.demand_thread import DemandThread
from omcrm.web import database_away

# How often credentials are checked, in seconds.
_EVERY = 2.0


def session_sweeper(
    registry: ClientRegistry,
    context: Callable[[], AbstractContextManager[object]],
    dead_among: Callable[[Collection[str]], set[str]],
    forget: Callable[[], object] = lambda: None,
    every: float = _EVERY,
) -> DemandThread:
    """A thread that checks the credentials of all clients while there are any.

    `dead_among` returns those of the handles that are no longer valid; it is called inside of
    `context`. Before that `forget` drops what is remembered of earlier looks: who connects later
    is looked up anew.
    """

    def sweep() -> float:
        forget()
        try:
            with context():
                dead = dead_among(registry.handles())
        except Exception as error:
            if not database_away.is_away(error):
                raise
            return every
        registry.end_logins(dead)
        return every

    return DemandThread("session-sweeper", sweep, lambda: bool(registry))
