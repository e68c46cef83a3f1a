"""Connects to a PostgreSQL that may hang: while it does, one request tries, and the others fail at
once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from omcrm.storage.postgresql_connection import PostgresqlConnection

# An attempt that took longer has waited in vain, in seconds; one that is refused is over at once.
_SLOW = 1.0
# After it the next attempt is made so much later, and others wait so long for one in progress.
_PAUSE, _OTHERS_WAIT = 1.0, 0.2


class PostgresqlReach:
    """The connections of one engine; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._is_hanging = False
        self._is_tried = False
        self._failed_at: float | None = None

    def connect(self, texts: list[Any], options: dict[str, Any]) -> PostgresqlConnection:
        """A new connection; raises OperationalError, at once where the last attempts hung."""
        with self._attempt():
            connection = PostgresqlConnection.connect(*texts, **options)
        connection.reach = self
        return connection

    def note_no_answer(self) -> None:
        """Note that a statement had no answer: the server may hang."""
        with self._changed:
            self._is_hanging = True

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        is_alone = self._begin()
        began = self._clock()
        try:
            yield
        except BaseException:
            with self._changed:
                if self._clock() - began >= _SLOW:
                    self._is_hanging, self._failed_at = True, self._clock()
                self._end(is_alone)
            raise
        with self._changed:
            self._is_hanging, self._failed_at = False, None
            self._end(is_alone)

    def _begin(self) -> bool:
        """Whether this attempt is the only one: while the server hangs."""
        with self._changed:
            self._changed.wait_for(
                lambda: not (self._is_hanging and self._is_tried), timeout=_OTHERS_WAIT
            )
            if not self._is_hanging:
                return False
            failed_at = self._failed_at
            is_early = failed_at is not None and self._clock() - failed_at < _PAUSE
            if self._is_tried or is_early:
                raise psycopg.OperationalError("the database did not answer a moment ago")
            self._is_tried = True
            return True

    def _end(self, is_alone: bool) -> None:
        if is_alone:
            self._is_tried = False
        self._changed.notify_all()
