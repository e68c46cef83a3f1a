"""The user events in an app's database, for their delivery to connected clients."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TypeVar

from omcrm.auth.notice import notice
from omcrm.storage import user_event
from omcrm.storage.transaction import end_read
from omcrm.web.database_away import is_away
from omcrm.wire.user_event import UserNotice

T = TypeVar("T")


class StoredUserEvents:
    """The user events in the app's database; each call is a short read."""

    def __init__(self, context: Callable[[], AbstractContextManager[object]]) -> None:
        self._context = context

    def last_numbers(self, user_ids: Collection[int]) -> Mapping[int, int]:
        """The number of the last event of each of these users who has any."""
        return self._read(lambda: user_event.last_numbers(user_ids))

    def first_since(self, user_ids: Collection[int], at: datetime) -> Mapping[int, int]:
        """The number of the first event since then of each of these users who has one."""
        return self._read(lambda: user_event.first_since(user_ids, at))

    def events_after(self, user_id: int, number: int, most: int) -> Sequence[UserNotice]:
        """The user's events with a higher number, in order."""
        events = self._read(lambda: user_event.events_after(user_id, number, most))
        return [notice(event) for event in events]

    def is_away(self, error: Exception) -> bool:
        """Whether the database cannot be used now."""
        return is_away(error)

    def _read(self, query: Callable[[], T]) -> T:
        with self._context():
            try:
                return query()
            finally:
                end_read()
