"""Notes what happens to the feeds: who takes over, what goes down, what is refused."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec import structs

from omcrm.market.failover import Failover, FailoverReason
from omcrm.market.feed_event import FeedEvent, FeedEventKind
from omcrm.market.validation import RejectedTick

_KEPT = 500
# A symbol whose prices are refused again and again is told of once in so long.
_AGAIN = timedelta(minutes=1)


class EventLog:
    """Remembers the last events and hands new ones on; thread-safe.

    `hidden` takes secrets out of reasons.
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
        """What was noted since the last time, oldest first."""
        with self._lock:
            taken, self._new = self._new, []
            return taken

    def note_state(self, at: datetime, source: str, state: str, problem: str | None) -> None:
        """A feed is in another state."""
        reason = f"{state}: {problem}" if problem else state
        self._note([FeedEvent(at=at, kind=FeedEventKind.STATE, source=source, reason=reason)])

    def note_failovers(self, switches: Iterable[Failover]) -> None:
        """Symbols have other speakers; those that changed alike together are one event."""
        alike: dict[tuple[str | None, str, FailoverReason], list[Failover]] = {}
        for failover in switches:
            alike.setdefault((failover.before, failover.after, failover.reason), []).append(
                failover
            )
        self._note([_switched(together) for together in alike.values()])

    def note_refusals(self, refusals: Iterable[RejectedTick]) -> None:
        """Prices were held back."""
        told = []
        for refusal in refusals:
            key, at = (refusal.tick.source.name, refusal.tick.symbol), refusal.tick.received_at
            before = self._quarantined.get(key)
            if before is None or at - before >= _AGAIN:
                self._quarantined[key] = at
                told.append(_refused(refusal))
        self._note(told)

    def _note(self, events: list[FeedEvent]) -> None:
        hidden = [structs.replace(event, reason=self._hidden(event.reason)) for event in events]
        with self._lock:
            self._kept.extend(hidden)
            self._new.extend(hidden)
            # Nobody takes them where there is no database; they are not kept for ever.
            del self._new[:-_KEPT]


def _switched(together: list[Failover]) -> FeedEvent:
    first = together[0]
    kinds = {
        FailoverReason.FIRST: FeedEventKind.BEGAN,
        FailoverReason.RECOVERED: FeedEventKind.GAVE_BACK,
    }
    silent = [failover.age.total_seconds() for failover in together if failover.age is not None]
    return FeedEvent(
        at=first.at,
        kind=kinds.get(first.reason, FeedEventKind.TOOK_OVER),
        source=first.after,
        before=first.before,
        symbols=tuple(sorted(failover.symbol for failover in together)),
        reason=_words(first),
        silent_seconds=round(max(silent), 3) if silent else None,
    )


def _words(failover: Failover) -> str:
    return {
        FailoverReason.FIRST: "first price",
        FailoverReason.DOWN: f"{failover.before} is down",
        FailoverReason.STALE: f"{failover.before} is stale",
        FailoverReason.RECOVERED: f"{failover.after} has recovered",
        FailoverReason.CLOSED: "the market is closed",
    }[failover.reason]


def _refused(refusal: RejectedTick) -> FeedEvent:
    tick = refusal.tick
    price = f"price {tick.trade.price}" if tick.trade else "book"
    if tick.book is not None and not tick.trade:
        price = f"book {tick.book.bid} / {tick.book.ask}"
    own = f"; its last price was {refusal.held}" if refusal.held is not None else ""
    others = "".join(f"; {name} says {said}" for name, said in refusal.others)
    return FeedEvent(
        at=tick.received_at,
        kind=FeedEventKind.QUARANTINE,
        source=tick.source.name,
        symbols=(tick.symbol,),
        reason=f"{refusal.reason.value}: {price}{own}{others}",
    )
