"""Whether a process reaches the others over the bus, and what was counted there."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from omcrm.market.clock import Clock

_log = logging.getLogger(__name__)

Handler = Callable[[], object]


class BusCounts(Struct):
    """What was counted since the start, each by one thread."""

    sent: int = 0
    received: int = 0
    refused: int = 0
    gaps: int = 0


class BusCondition:
    """Lost or joined, and the highest token of a leader; thread-safe.

    Each loss and each return is logged and reported once, whichever thread finds it.
    """

    def __init__(self, shown_url: str, clock: Clock, lost: Handler, joined: Handler) -> None:
        self._shown_url = shown_url
        self._clock = clock
        self._report_lost, self._report_joined = lost, joined
        self._lock = threading.Lock()
        self._is_reported = False
        self._outranking: tuple[Callable[[int], object], ...] = ()
        self.lost_since: datetime | None = None
        self.token = 0
        self.counts = BusCounts()

    def begin(self) -> None:
        """Be lost until the first joining, without a word."""
        with self._lock:
            self.lost_since, self._is_reported = self._clock(), False

    def note_lost(self, reason: object) -> None:
        """Note that other processes are not reached."""
        with self._lock:
            if self.lost_since is None:
                self.lost_since = self._clock()
            is_first, self._is_reported = not self._is_reported, True
        if is_first:
            _log.error("the bus at %s is lost: %s", self._shown_url, reason)
            self._report_lost()

    def note_joined(self) -> None:
        """Note that they are reached, and that what was sent meanwhile was missed."""
        with self._lock:
            since, self.lost_since = self.lost_since, None
            self._is_reported = False
        if since is not None:
            seconds = (self._clock() - since).total_seconds()
            _log.info("joined the bus at %s after %.1f s", self._shown_url, seconds)
            self._report_joined()

    # Who leads

    def on_higher_token(self, handler: Callable[[int], object]) -> None:
        """Call `handler` with every token that is higher than all before."""
        with self._lock:
            self._outranking = (*self._outranking, handler)

    def note_token(self, token: int) -> None:
        """Note the token of a leader elsewhere."""
        if token <= self.token:
            return
        with self._lock:
            if token <= self.token:
                return
            self.token = token
            handlers = self._outranking
        for handler in handlers:
            try:
                handler(token)
            except Exception:
                _log.exception("a handler failed on the token %s", token)
