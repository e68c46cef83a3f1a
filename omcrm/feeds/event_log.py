"""Records what happens to the feeds: changes of state, failovers, rejected ticks."""

import threading
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import structs

from omcrm.market.comparison import Contradiction, Dispute, DisputeRule
from omcrm.market.failover import Failover, FailoverReason
from omcrm.market.feed_event import (
    FeedCode,
    FeedEvent,
    FeedEventKind,
    FeedFigures,
    FeedProblem,
    SourcePrice,
)
from omcrm.market.validation import RejectedTick

_KEPT = 500
# The shortest time between two events about rejected ticks of the same source and symbol, or about
# sources of the same symbol that are apart in the same way.
_AGAIN = timedelta(minutes=1)

# The other reasons mean that another source took over.
_KINDS = {
    FailoverReason.FIRST: FeedEventKind.BEGAN,
    FailoverReason.RECOVERED: FeedEventKind.GAVE_BACK,
}
_CODES = {
    FailoverReason.FIRST: FeedCode.FIRST_PRICE,
    FailoverReason.DOWN: FeedCode.SOURCE_DOWN,
    FailoverReason.OFF: FeedCode.SOURCE_OFF,
    FailoverReason.STALE: FeedCode.SOURCE_STALE,
    FailoverReason.CONTRADICTED: FeedCode.SOURCE_CONTRADICTED,
    FailoverReason.RECOVERED: FeedCode.SOURCE_RECOVERED,
    FailoverReason.CLOSED: FeedCode.MARKET_CLOSED,
}
_RULES = {
    DisputeRule.UNDECIDED: FeedCode.NOT_DECIDED,
    DisputeRule.MAJORITY: FeedCode.OUTVOTED,
    DisputeRule.FROZEN: FeedCode.FROZEN,
}


class EventLog:
    """Keeps the last events, and the new ones until they are taken; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[FeedEvent] = deque(maxlen=_KEPT)
        self._new: list[FeedEvent] = []
        self._quarantined: dict[tuple[str, str], datetime] = {}
        self._compared: dict[tuple[str, FeedEventKind], FeedEvent] = {}

    def recent(self) -> list[FeedEvent]:
        """The last events, newest first."""
        with self._lock:
            return list(reversed(self._kept))

    def take(self) -> list[FeedEvent]:
        """The events since the last call, oldest first."""
        with self._lock:
            taken, self._new = self._new, []
            return taken

    def note_state(
        self, at: datetime, source: str, state: str, problem: FeedProblem | None
    ) -> None:
        """Add an event: a feed has changed its state, because of `problem` if there is one."""
        cause = problem or FeedProblem(FeedCode.NEW_STATE)
        event = FeedEvent(
            at=at,
            kind=FeedEventKind.STATE,
            source=source,
            code=cause.code,
            figures=structs.replace(cause.figures, state=state),
        )
        self._note([event])

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

    def note_contradictions(self, contradictions: Iterable[Contradiction]) -> None:
        """Add what began or ended between live sources; that they agree only after an event."""
        events = []
        for contradiction in contradictions:
            event = _comparison_event(contradiction)
            key = (contradiction.symbol, event.kind)
            before = self._compared.get(key)
            if before is None and contradiction.between is None:
                continue
            if before is None or before.code is not event.code or event.at - before.at >= _AGAIN:
                self._compared[key] = event
                events.append(event)
        self._note(events)

    def _note(self, events: list[FeedEvent]) -> None:
        with self._lock:
            self._kept.extend(events)
            self._new.extend(events)
            # Without a database no one takes them: the list needs a bound.
            del self._new[:-_KEPT]


def _failover_event(group: list[Failover]) -> FeedEvent:
    first = group[0]
    ages = [failover.age.total_seconds() for failover in group if failover.age is not None]
    return FeedEvent(
        at=first.at,
        kind=_KINDS.get(first.reason, FeedEventKind.TOOK_OVER),
        source=first.after,
        before=first.before,
        symbols=tuple(sorted(failover.symbol for failover in group)),
        code=_CODES[first.reason],
        silent_seconds=round(max(ages), 3) if ages else None,
    )


def _comparison_event(contradiction: Contradiction) -> FeedEvent:
    between, source = contradiction.between, contradiction.active
    code, figures = FeedCode.AGREED, FeedFigures()
    if not contradiction.by_agreement:
        code = FeedCode.NO_LONGER_COMPARED
    if isinstance(between, Dispute):
        code, source = _RULES[between.rule], min(between.contradicted)
        figures = FeedFigures(others=_source_prices(between.prices))
    elif between is not None:
        code, others = FeedCode.FAR_APART, _source_prices(between.prices)
        figures = FeedFigures(apart=between.apart, usual=between.usual, others=others)
    kind = FeedEventKind.DISPUTE if contradiction.is_dispute else FeedEventKind.DIVERGENCE
    symbols = (contradiction.symbol,)
    return FeedEvent(
        at=contradiction.at, kind=kind, source=source, symbols=symbols, code=code, figures=figures
    )


def _source_prices(prices: Iterable[tuple[str, Decimal]]) -> tuple[SourcePrice, ...]:
    return tuple(SourcePrice(name, price) for name, price in prices)


def _rejection_event(rejected: RejectedTick) -> FeedEvent:
    tick = rejected.tick
    figures = FeedFigures(
        price=tick.trade.price if tick.trade else None,
        bid=tick.book.bid if tick.book else None,
        ask=tick.book.ask if tick.book else None,
        held=rejected.held,
        others=_source_prices(rejected.others),
    )
    return FeedEvent(
        at=tick.received_at,
        kind=FeedEventKind.QUARANTINE,
        source=tick.source.name,
        symbols=(tick.symbol,),
        code=FeedCode(rejected.reason),
        figures=figures,
    )
