"""The lease of the engine: one process at a time runs the feeds, and the others stand by."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from omcrm.errors import LeaseLost, LeaseUnreached

_log = logging.getLogger(__name__)

LENGTH = 3.0
"""Seconds after which a process that does not renew the lease has lost it."""
# Seconds between two looks whether the lease of another process has ended.
_LOOK_EVERY = 0.4


class LeaseStore(Protocol):
    """Where the lease is kept; each method raises LeaseUnreached where that cannot be asked."""

    def take(self, seconds: float, above: int) -> int | None:
        """The new token, above this one, if nobody has the lease; else None."""

    def renew(self, token: int, seconds: float) -> bool:
        """Keep the lease; whether it is still the one of this token."""

    def give_back(self, token: int) -> None:
        """End the lease at once, if it is the one of this token."""


class Lease:
    """Takes the lease when it is free, keeps it, and knows when it is lost; a thread of its own.

    A leader that cannot reach the store keeps its token, so that it goes on publishing, until it
    is shown a higher one; but it may write nothing once the lease has ended by its own monotonic
    clock.
    """

    def __init__(
        self,
        store: LeaseStore,
        length: float = LENGTH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._changed: Callable[[], object] = lambda: None
        self._length = length
        self._clock = clock
        self._lock = threading.Lock()
        self._token: int | None = None
        self._highest = 0
        self._void: int | None = None
        self._ends_at = 0.0
        self._is_cut_off = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def on_change(self, handler: Callable[[], object]) -> None:
        """Call this, from any thread, when `token` has changed; it must be quick."""
        self._changed = handler

    @property
    def token(self) -> int | None:
        """The fencing token while this process is the engine."""
        return self._token

    @property
    def is_sure(self) -> bool:
        """Whether nobody else can have the lease: it was renewed less than its length ago."""
        return self._token is not None and self._clock() < self._ends_at

    def token_to_write(self) -> int:
        """The token to check in the transaction that writes; raises LeaseLost where it ended."""
        token = self._token
        if token is None or not self.is_sure:
            raise LeaseLost(token)
        return token

    def start(self) -> None:
        """Begin to take and keep the lease; twice is once."""
        with self._lock:
            if self._thread is None:
                self._stopped.clear()
                self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Give the lease back at once; its feeds must have ended before."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopped.set()
        thread.join()
        self._give_up("this process ends")

    def note_token(self, token: int) -> None:
        """Note a token that another engine publishes under; a lower one of ours is void by that."""
        self._highest = max(self._highest, token)
        if (own := self._token) is not None and own < token:
            # Whose token is lower may still have the row, where an older database was restored.
            self._void = own
            self._set_token(None, f"another engine has token {token}")

    # The thread

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                wait = self.step()
            except Exception:
                _log.exception("keeping the lease of the engine failed")
                wait = _LOOK_EVERY
            self._stopped.wait(wait)

    def step(self) -> float:
        """Take or renew the lease once; the seconds until the next time."""
        try:
            if self._void is not None:
                self._store.give_back(self._void)
                self._void = None
            token = self._token
            is_kept = self._take() if token is None else self._renew(token)
        except LeaseUnreached as problem:
            self._note_unreached(problem)
            return _LOOK_EVERY
        self._note_reached()
        return self._length / 3 if is_kept else _LOOK_EVERY

    def _take(self) -> bool:
        began = self._clock()
        token = self._store.take(self._length, self._highest)
        if token is None:
            return False
        self._ends_at = began + self._length
        self._set_token(token, f"this process is the engine, token {token}")
        return True

    def _renew(self, token: int) -> bool:
        began = self._clock()
        if self._store.renew(token, self._length):
            self._ends_at = began + self._length
            return True
        self._set_token(None, "another process is the engine")
        return False

    def _give_up(self, reason: str) -> None:
        if (token := self._token) is not None:
            self._set_token(None, reason)
            try:
                self._store.give_back(token)
            except LeaseUnreached as problem:
                _log.warning("the lease of the engine ends by itself: %s", problem)

    def _set_token(self, token: int | None, reason: str) -> None:
        if token != self._token:
            self._token = token
            _log.info("engine: %s", reason)
            self._changed()

    def _note_unreached(self, problem: LeaseUnreached) -> None:
        if not self._is_cut_off:
            self._is_cut_off = True
            rest = "" if self._token is None else ": prices go on, and nothing is written"
            _log.warning("engine: the lease cannot be kept (%s)%s", problem, rest)

    def _note_reached(self) -> None:
        if self._is_cut_off:
            self._is_cut_off = False
            _log.info("engine: the database is back")


class LeaseLock:
    """An engine's right to run its feeds, by the lease; `token` goes with what it publishes."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._taken: int | None = None
        self._is_closed = False

    def take(self) -> int | None:
        """The token of this term; the feeds are started for it, and for no later one."""
        self._taken = self.token()
        return self._taken

    def holds(self) -> bool:
        """Whether this is still the term in which the feeds were started."""
        return self._taken is not None and self._taken == self.token()

    def give_back(self) -> None:
        """The feeds have ended; the lease stays."""
        self._taken = None

    def close(self) -> None:
        """Publish nothing more and run no feeds: this process ends."""
        self._is_closed = True

    def token(self) -> int | None:
        """The fencing token of what is published now; None for nothing, which is also where the
        feeds still run for an earlier term."""
        token = None if self._is_closed else self._lease.token
        return token if self._taken in (None, token) else None
