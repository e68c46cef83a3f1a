"""Delivers the numbered events of users to their clients: in order, each once, none lost."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from omcrm.concurrency import native_lock
from omcrm.streaming.client_registry import ClientRegistry
from omcrm.streaming.client_session import ClientSession
from omcrm.streaming.demand_thread import DemandThread
from omcrm.wire.user_event import EventsExpired, ResumeAfter, ResumeAnswer, UserNotice

# How often events that another process has written are looked for, in seconds.
_EVERY = 1.0
# How soon a client that could not take events is tried again, in seconds.
_AGAIN_AFTER = 0.1
# How many events are read at once, and of how many users.
_EVENTS, _USERS = 200, 500
# Sending yields to other threads after so many seconds.
_TIME_SLICE = 0.002


class EventStore(Protocol):
    """The stored events of users."""

    def last_numbers(self, user_ids: Collection[int]) -> Mapping[int, int]:
        """The number of the last event of each of these users who has any."""

    def first_since(self, user_ids: Collection[int], at: datetime) -> Mapping[int, int]:
        """The number of the first event since then of each of these users who has one."""

    def events_after(self, user_id: int, number: int, most: int) -> Sequence[UserNotice]:
        """The user's events with a higher number, in order."""

    def is_away(self, error: Exception) -> bool:
        """Whether the error means that they cannot be read now."""


class EventDelivery:
    """Sends each client the events of its user that are written after it connected, or after the
    number that it resumes from. One thread sends them all, which keeps their order.

    A client that does not read gets its events when it does: they wait in the store.
    """

    def __init__(self, registry: ClientRegistry, store: EventStore, every: float = _EVERY) -> None:
        self._registry = registry
        self._store = store
        self._every = every
        self._look_at_all_at = 0.0
        self._lock = native_lock()
        # The users whose clients are looked at in the next step.
        self._due: set[int] = set()
        self.thread = DemandThread("user-events", self._step, lambda: bool(registry))
        registry.run_while_connected(self.thread)

    def note_written(self, user_ids: Iterable[int]) -> None:
        """Deliver the events of these users now."""
        with self._lock:
            self._due.update(user_ids)
        self.thread.wake()

    def resume(self, client: ClientSession, resume: ResumeAfter) -> None:
        """Send the client the events after a number, or those from now on."""
        client.event_cursor.ask(resume)
        self.note_written([_user(client)])

    # In the thread

    def _step(self) -> float:
        clients = self._clients_due(time.monotonic())
        users = list(clients)
        try:
            blocked = [
                user
                for first in range(0, len(users), _USERS)
                for user in self._deliver(
                    {user: clients[user] for user in users[first : first + _USERS]}
                )
            ]
        except Exception as error:
            if not self._store.is_away(error):
                raise
            return self._every
        with self._lock:
            self._due.update(blocked)
        return _AGAIN_AFTER if blocked else max(0.0, self._look_at_all_at - time.monotonic())

    def _clients_due(self, now: float) -> dict[int, list[ClientSession]]:
        """The clients to look at, by user."""
        with self._lock:
            due, self._due = self._due, set()
        is_for_all = now >= self._look_at_all_at
        if is_for_all:
            self._look_at_all_at = now + self._every
        clients: dict[int, list[ClientSession]] = {}
        for client in self._registry.clients():
            if client.takes_events and client.caller is not None:
                user = client.caller.user_id
                if is_for_all or user in due:
                    clients.setdefault(user, []).append(client)
        return clients

    def _deliver(self, clients: Mapping[int, list[ClientSession]]) -> list[int]:
        """Send what is due to these clients; returns the users whose clients could not take all."""
        lasts = self._store.last_numbers(list(clients))
        self._begin([client for group in clients.values() for client in group], lasts)
        blocked = []
        until = time.monotonic() + _TIME_SLICE
        for user, group in clients.items():
            took_all = True
            for client in group:
                took_all &= self._deliver_to(client, user, lasts.get(user, 0))
            if not took_all:
                blocked.append(user)
            if time.monotonic() > until:
                time.sleep(0)
                until = time.monotonic() + _TIME_SLICE
        return blocked

    def _begin(self, clients: Sequence[ClientSession], lasts: Mapping[int, int]) -> None:
        """Place the cursors of new clients before the first event since they connected."""
        new = [client for client in clients if client.event_cursor.sent is None]
        if not new:
            return
        connected_at = min(client.event_cursor.connected_at for client in new)
        firsts = self._store.first_since({_user(client) for client in new}, connected_at)
        for client in new:
            user, cursor = _user(client), client.event_cursor
            first = firsts.get(user)
            if first is not None and cursor.connected_at > connected_at:
                first = self._store.first_since({user}, cursor.connected_at).get(user)
            cursor.sent = lasts.get(user, 0) if first is None else first - 1

    def _deliver_to(self, client: ClientSession, user: int, last: int) -> bool:
        """Send a client its events up to this number; False where it could not take them all."""
        cursor = client.event_cursor
        if not cursor.is_due(last, time.monotonic()):
            return True
        if not client.can_take_events():
            return False
        if (resume := cursor.take_resume()) is not None:
            self._resume(client, resume.since, last)
        while cursor.sent is not None and cursor.sent < last:
            events = self._store.events_after(user, cursor.sent, _EVENTS)
            for event in events:
                client.send_user_message(event)
                cursor.sent = event.event
            if not events:
                # Deleted meanwhile, because they are old.
                cursor.sent = last
            if not client.can_take_events():
                return False
            time.sleep(0)
        return True

    def _resume(self, client: ClientSession, since: int | None, last: int) -> None:
        """Place the cursor where the client asks for, and answer."""
        cursor = client.event_cursor
        if since is not None and not self._has_all(_user(client), since, last):
            cursor.sent = last
            client.send_user_message(EventsExpired(event=last))
            return
        cursor.sent = cursor.sent if since is None else since
        client.send_user_message(ResumeAnswer(event=cursor.sent or 0))

    def _has_all(self, user: int, since: int, last: int) -> bool:
        """Whether every event after this number is stored still."""
        if since >= last:
            return since == last
        following = self._store.events_after(user, since, 1)
        return bool(following) and following[0].event == since + 1


def _user(client: ClientSession) -> int:
    assert client.caller is not None, "only users have events"
    return client.caller.user_id
