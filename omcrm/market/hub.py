"""Passes every new quote to the subscribers of this process."""

import logging
import threading
from collections.abc import Callable
from typing import TypeAlias

from omcrm.market.quote import Quote

Listener: TypeAlias = Callable[[Quote], None]

_log = logging.getLogger(__name__)


class Hub:
    """Passes quotes to its listeners, in the thread that publishes.

    A listener must be quick and must drop a quote whose number is not above the one it holds:
    two publishing threads may overtake each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every quote from now on; twice is once."""
        with self._lock:
            if listener not in self._listeners:
                self._listeners = (*self._listeners, listener)

    def unsubscribe(self, listener: Listener) -> None:
        """Do not call `listener` any more."""
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other != listener)

    def publish(self, quote: Quote) -> None:
        """Call every listener; one that fails is logged and does not hurt the others."""
        for listener in self._listeners:
            try:
                listener(quote)
            except Exception:
                _log.exception("a listener failed on %s", quote.symbol)
