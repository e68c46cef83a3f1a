"""Records what happens to the feeds: changes of state, failovers, rejected ticks."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec import structs

from omcrm.market.consolidator import Failover, FailoverReason
from omcrm.market.feed_event import FeedEvent, FeedEventKind
from omcrm.market.validation import RejectedTick

_KEPT = 500
# The shortest time between two events about rejected ticks of the same source and symbol.
_AGAIN = timedelta(minutes=1)


class EventLog:
    """Keeps the last events, and the new ones until they are taken; thread-safe.

    `hidden` removes secrets from reasons.
    """

    def __init__(self, hidden: Callable[[str], str] = lambda text: text) -> None:
        self._hidden = hidden
        self._lock = threading.Lock()
        self._kept: deque[FeedEvent] = deque(maxlen=_KEPT)
        self._new: list[FeedEvent] = []
        self._quarantined: dict[tuple[str, str], datetime] = {}

    def recent(self) -> list[FeedEvent]:
        """The last events, newest first."""
        with self._lock:
            return list(reversed(self._kept))

    def take(self) -> list[FeedEvent]:
        """The events since the last call, oldest first."""
        with self._lock:
            taken, self._new = self._new, []
            return taken

    def note_state(self, at: datetime, source: str, state: str, problem: str | None) -> None:
        """Add an event: a feed has changed its state."""
        reason = f"{state}: {problem}" if problem else state
        self._note([FeedEvent(at=at, kind=FeedEventKind.STATE, source=source, reason=reason)])

    def note_failovers(self, failovers: Iterable[Failover]) -> None:
        """Add failovers; symbols with the same change and reason make one event."""
        groups: dict[tuple[str | None, str, FailoverReason], list[Failover]] = {}
        for failover in failovers:
            groups.setdefault((failover.before, failover.after, failover.reason), []).append(
                failover
            )
        self._note([_failover_event(group) for group in groups.values()])

    def note_rejected_ticks(self, rejected_ticks: Iterable[RejectedTick]) -> None:
        """Add ticks that the validator has rejected, once a minute for each source and symbol."""
        events = []
        for rejected in rejected_ticks:
            key, at = (rejected.tick.source.name, rejected.tick.symbol), rejected.tick.received_at
            before = self._quarantined.get(key)
            if before is None or at - before >= _AGAIN:
                self._quarantined[key] = at
                events.append(_rejection_event(rejected))
        self._note(events)

    def _note(self, events: list[FeedEvent]) -> None:
        hidden = [structs.replace(event, reason=self._hidden(event.reason)) for event in events]
        with self._lock:
            self._kept.extend(hidden)
            self._new.extend(hidden)
            # Without a database no one takes them: the list needs a bound.
            del self._new[:-_KEPT]


def _failover_event(group: list[Failover]) -> FeedEvent:
    first = group[0]
    kinds = {
        FailoverReason.FIRST: FeedEventKind.BEGAN,
        FailoverReason.RECOVERED: FeedEventKind.GAVE_BACK,
    }
    ages = [failover.age.total_seconds() for failover in group if failover.age is not None]
    return FeedEvent(
        at=first.at,
        kind=kinds.get(first.reason, FeedEventKind.TOOK_OVER),
        source=first.after,
        before=first.before,
        symbols=tuple(sorted(failover.symbol for failover in group)),
        reason=_reason(first),
        silent_seconds=round(max(ages), 3) if ages else None,
    )


def _reason(failover: Failover) -> str:
    return {
        FailoverReason.FIRST: "first price",
        FailoverReason.DOWN: f"{failover.before} is down",
        FailoverReason.STALE: f"{failover.before} is stale",
        FailoverReason.RECOVERED: f"{failover.after} has recovered",
        FailoverReason.CLOSED: "the market is closed",
    }[failover.reason]


def _rejection_event(rejected: RejectedTick) -> FeedEvent:
    tick = rejected.tick
    price = f"price {tick.trade.price}" if tick.trade else "book"
    if tick.book is not None and not tick.trade:
        price = f"book {tick.book.bid} / {tick.book.ask}"
    own = f"; its last price was {rejected.held}" if rejected.held is not None else ""
    others = "".join(f"; {name} says {price}" for name, price in rejected.others)
    return FeedEvent(
        at=tick.received_at,
        kind=FeedEventKind.QUARANTINE,
        source=tick.source.name,
        symbols=(tick.symbol,),
        reason=f"{rejected.reason.value}: {price}{own}{others}",
    )
