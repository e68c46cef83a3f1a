"""What every connected client has, whatever it speaks: who it is, its subscriptions, its limits."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from typing import Protocol, TypeVar

from msgspec import Struct

from omcrm.streaming.event_cursor import EventCursor
from omcrm.streaming.fanout import FanOut, ResumePoint, ResumeToken
from omcrm.streaming.rate_limiter import RateLimiter
from omcrm.streaming.rate_tier import EncodeQuote, Facts, StateSink, Subscriber
from omcrm.wire.user_event import UserMessage

Key = TypeVar("Key", bound=Hashable)


class Identity(Protocol):
    """Who a client is; `handle` names the credential, and is no secret."""

    @property
    def user_id(self) -> int: ...

    @property
    def handle(self) -> str: ...


class ClientLimits(Struct, frozen=True):
    """The most connections of one owner and subscriptions of one client, and the words of refusals.

    Clients with the same `noun` count together.
    """

    connections: int
    subscriptions: int
    noun: str = "connections"
    advice: str = "close one first"


class ClientSession(ABC):
    """A connected client; `takes_events` is whether its dialect has messages for user events.

    `caller` is None for an anonymous client, which its address owns. `subscriptions` holds the keys
    that count against the limit.
    """

    takes_events = False

    def __init__(
        self,
        dialect_name: str,
        caller: Identity | None,
        address: str,
        limits: ClientLimits,
        client_id: str = "",
    ) -> None:
        self.id = client_id or str(uuid.uuid4())
        self.dialect_name = dialect_name
        self.caller = caller
        self.owner: int | str = address if caller is None else caller.user_id
        self.limits = limits
        self.limiter = RateLimiter()
        self.subscriptions: set[Hashable] = set()
        self.event_cursor = EventCursor()
        self._fanout: FanOut | None = None
        self._subscriber: Subscriber | None = None
        self._is_over = False

    @abstractmethod
    def end_login(self) -> None:
        """Disconnect the client, because its login or token has ended."""

    def can_take_events(self) -> bool:
        """Whether the client reads: events that it cannot take now wait in the store."""
        return True

    def send_user_message(self, message: UserMessage) -> None:
        """Send a message about the events of the client's user, in its dialect."""
        raise NotImplementedError

    def accept(self, wanted: Iterable[Key]) -> tuple[list[Key], list[Key]]:
        """Count subscriptions; return those within the limit or held already, and those beyond."""
        accepted: list[Key] = []
        beyond: list[Key] = []
        for key in dict.fromkeys(wanted):
            is_new = key not in self.subscriptions
            if is_new and len(self.subscriptions) >= self.limits.subscriptions:
                beyond.append(key)
            else:
                self.subscriptions.add(key)
                accepted.append(key)
        return accepted, beyond

    def release(self, unwanted: Iterable[Hashable]) -> None:
        """Stop counting these subscriptions."""
        self.subscriptions.difference_update(unwanted)

    def subscribe_quotes(
        self,
        fanout: FanOut,
        sink: StateSink,
        encode: EncodeQuote,
        symbols: Iterable[str],
        *,
        facts: Facts | None = None,
        max_rate: float | None = None,
        since: ResumeToken | None = None,
    ) -> ResumePoint:
        """Write the newest quote of each symbol into `sink` now, then each change."""
        subscriber = self._subscriber
        if subscriber is None:
            subscriber = fanout.add(sink, encode, facts)
            self._fanout, self._subscriber = fanout, subscriber
        resume_point = fanout.subscribe(subscriber, symbols, max_rate, since)
        if self._is_over:
            # The client was disconnected meanwhile, before it had this subscription.
            fanout.remove(subscriber)
        return resume_point

    def unsubscribe(self, symbols: Iterable[str]) -> None:
        """Stop writing quotes of these symbols."""
        if self._fanout is not None and self._subscriber is not None:
            self._fanout.unsubscribe(self._subscriber, symbols)

    def drop_subscriptions(self) -> None:
        """End all subscriptions, of a client that has disconnected."""
        self._is_over = True
        self.subscriptions.clear()
        fanout, subscriber = self._fanout, self._subscriber
        self._fanout = self._subscriber = None
        if fanout is not None and subscriber is not None:
            fanout.remove(subscriber)
