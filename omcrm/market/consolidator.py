"""Merges what the sources report into one quote per symbol: the active source's, with failover.

Long for a reason: which source is active, and why that changes, is decided here alone.
"""

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from omcrm.market.clock import Clock
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES, Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote, StaleReason
from omcrm.market.session import is_open
from omcrm.market.source import LAST_RESORT, SIMULATED, HealthState
from omcrm.market.source_health import SourceHealth
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import ON_TIME, Tick
from omcrm.market.validation import Validator

# More failovers than can happen between two looks at them.
_MOST_FAILOVERS = 20_000
# While the active source's price is one of these, no other source is looked at between reviews.
_GOOD = (PriceClass.LIVE, PriceClass.CLOSED)


# Failover


class FailoverReason(StrEnum):
    """Why another source becomes active."""

    FIRST = "first"
    DOWN = "down"
    STALE = "stale"
    RECOVERED = "recovered"
    CLOSED = "market closed"


class Failover(Struct, frozen=True):
    """One change of the active source; `before` is None for the first price of a symbol.

    `age` is how old the last price of the source before was.
    """

    at: datetime
    symbol: str
    before: str | None
    after: str
    reason: FailoverReason
    age: timedelta | None = None


class Candidate(Struct, frozen=True):
    """A source that has a price; `fresh_since` is since when it has never been stale.

    One that `is_starting` needs no recovery hold.
    """

    source_quote: SourceQuote
    price_class: PriceClass
    fresh_since: datetime | None = None
    is_starting: bool = False


def choose_source(
    policy: Policy,
    candidates: Mapping[str, Candidate],
    now: datetime,
    *,
    current: str | None = None,
    waiting: bool = False,
) -> str | None:
    """The name of the source to be active, or None while there should be none.

    Streams come before delayed prices, these before a stale stream, and that before polled prices;
    among equals the policy's order decides, but a source that comes back waits for its recovery
    hold. A real source that ever had a price is never replaced by an invented one, only by another
    real one; `waiting` is whether the first price of a real source is still expected.
    """
    known = [name for name in policy.sources if name in candidates]
    real = {
        name: candidates[name] for name in known if candidates[name].source_quote.source.is_real
    }
    for eligible in (
        _of_class(real, PriceClass.LIVE),
        _of_class(real, PriceClass.CLOSED),
        _of_class(real, PriceClass.DELAYED),
        [
            name
            for name in _of_class(real, PriceClass.STALE)
            if real[name].source_quote.age(now) <= policy.stale_hold
        ],
        _of_class(real, PriceClass.INDICATIVE),
    ):
        if eligible:
            return _steady(eligible, real, policy, now, current)
    if real:
        return max(real, key=lambda name: real[name].source_quote.received_at)
    if waiting or not known:
        return None
    return known[0]


def reason_of(before: Candidate | None, after: Candidate, *, is_better: bool) -> FailoverReason:
    """Why `after` becomes active instead of `before`, which is None where none was."""
    if (
        before is None
        or not before.source_quote.source.is_real
        or (is_better and after.is_starting)
    ):
        return FailoverReason.FIRST
    if is_better:
        return FailoverReason.RECOVERED
    if after.price_class is PriceClass.CLOSED:
        return FailoverReason.CLOSED
    return FailoverReason.STALE


def _of_class(real: Mapping[str, Candidate], price_class: PriceClass) -> list[str]:
    return [name for name, candidate in real.items() if candidate.price_class is price_class]


def _steady(
    eligible: list[str],
    real: Mapping[str, Candidate],
    policy: Policy,
    now: datetime,
    current: str | None,
) -> str:
    """The best of equals; the active one stays until the recovery hold of a better one is over."""
    first = real[eligible[0]]
    if first.price_class in (PriceClass.CLOSED, PriceClass.STALE):
        # No tick arrives now: the newest price is the best.
        if current in eligible:
            return str(current)
        return max(eligible, key=lambda name: real[name].source_quote.received_at)
    if current not in eligible:
        return eligible[0]
    for name in eligible[: eligible.index(current)]:
        if _has_recovered(real[name], policy, now):
            return name
    return current


def _has_recovered(candidate: Candidate, policy: Policy, now: datetime) -> bool:
    if candidate.is_starting:
        return True
    since = candidate.fresh_since
    return since is not None and now - since >= policy.recovery_hold


# Consolidation


class SymbolRecord:
    """One symbol: what each source reported, and the quote that is shown of the active one."""

    __slots__ = ("active", "fresh_since", "instrument", "policy", "quote", "sources")

    def __init__(self, instrument: Instrument, policy: Policy) -> None:
        self.instrument = instrument
        self.policy = policy
        self.sources: dict[str, SourceQuote] = {}
        # Since when each source has been fresh without a break.
        self.fresh_since: dict[str, datetime] = {}
        self.quote: Quote | None = None
        # What `quote` was made of.
        self.active: SourceQuote | None = None


class Consolidator:
    """Keeps one record per followed symbol; every change of a quote gets the next number.

    Thread-safe. It calls nobody: quotes that changed are returned, and the caller publishes them.
    Failovers wait to be taken by `take_failovers`.
    """

    def __init__(
        self, clock: Clock, validator: Validator, policies: Mapping[AssetClass, Policy] = POLICIES
    ) -> None:
        self._clock = clock
        self._validator = validator
        self._policies = policies
        self._startup_grace = max(policy.startup_grace for policy in policies.values())
        self._lock = threading.Lock()
        self._seq = 0
        self._records: dict[str, SymbolRecord] = {}
        self._health = SourceHealth()
        self._failovers: deque[Failover] = deque(maxlen=_MOST_FAILOVERS)

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Take these instruments, and no others, from now on."""
        with self._lock:
            followed = {}
            for instrument in instruments:
                policy = self._policies[instrument.asset_class]
                record = self._records.get(instrument.symbol) or SymbolRecord(instrument, policy)
                record.instrument, record.policy = instrument, policy
                followed[instrument.symbol] = record
            self._records = followed

    def apply(self, tick: Tick, ahead: timedelta = ON_TIME) -> Quote | None:
        """Take a tick in; the quote that changed, or None where nothing that is shown did.

        `ahead` is as for `review`, which comes next.
        """
        with self._lock:
            record = self._records.get(tick.symbol)
            if record is None:
                return None
            name = tick.source.name
            alive_from = self._health.alive_from(name)
            if tick.connection < alive_from:
                return None
            held = record.sources.get(name)
            if held is not None:
                held = held.without_dead_parts(alive_from)
            others = (peer for peer in record.sources.values() if peer.source is not tick.source)
            accepted = self._validator.validate(tick, held, others, record.policy)
            if accepted is None:
                return None
            max_age = record.policy.max_age
            record.sources[name] = SourceQuote.merge(accepted, held).without_silent_book(max_age)
            return self._consolidate(record, tick.received_at + ahead, name)

    def set_health(self, source: str, state: HealthState, connection: int = 0) -> list[Quote]:
        """Note how a source is doing; the quotes whose class or source changes by that."""
        with self._lock:
            now = self._clock()
            self._health.set(source, state, connection, now, now + self._startup_grace)
            return self._review(now)

    def review(self, ahead: timedelta = ON_TIME) -> list[Quote]:
        """Let time pass: the quotes whose class or source is another one by now.

        A caller that comes only now and then looks `ahead`, so that no price is called live for too
        long.
        """
        with self._lock:
            return self._review(self._clock() + ahead)

    def has_better(self, symbol: str, source: str) -> bool:
        """Whether a source that the policy prefers to this one has a fresh price."""
        with self._lock:
            record = self._records.get(symbol)
            if record is None:
                return False
            order, now = record.policy.sources, self._clock()
            better = (record.sources.get(name) for name in order[: _place(order, source)])
            return any(
                held is not None
                and held.trade is not None
                and self._classify(held, record, now).is_fresh
                for held in better
            )

    def connection_of(self, source: str) -> int:
        """The connection number of ticks that are asked for besides the source's poller."""
        with self._lock:
            return self._health.alive_from(source)

    def take_failovers(self) -> list[Failover]:
        """The failovers since the last call."""
        with self._lock:
            taken = list(self._failovers)
            self._failovers.clear()
            return taken

    def quotes_by_source(self, symbol: str) -> dict[str, Quote]:
        """What every source reports of a symbol now, in the policy's order, all numbered 0."""
        with self._lock:
            record = self._records.get(symbol)
            if record is None:
                return {}
            candidates = self._candidates(record, self._clock())
            return {
                name: candidates[name].source_quote.quote(
                    0, candidates[name].price_class, record.instrument.asset_class
                )
                for name in record.policy.sources
                if name in candidates
            }

    def standby(self, symbol: str) -> str | None:
        """The source that would become active if the one that is were gone."""
        with self._lock:
            record = self._records.get(symbol)
            if record is None:
                return None
            candidates = self._candidates(record, self._clock())
            if record.quote is not None:
                candidates.pop(record.quote.source.name, None)
            if not candidates:
                return None
            return choose_source(record.policy, candidates, self._clock())

    # Called with the lock held

    def _review(self, now: datetime) -> list[Quote]:
        quotes = (self._consolidate(record, now) for record in self._records.values())
        return [quote for quote in quotes if quote is not None]

    def _consolidate(
        self, record: SymbolRecord, now: datetime, source: str | None = None
    ) -> Quote | None:
        """The next quote of the symbol if it changes: `source` is the one of a new tick."""
        before = record.quote
        active = before.source.name if before else None
        if before is not None and source not in (None, active) and _is_secure(before, str(source)):
            # The next review looks at the other sources.
            return None
        if source is None or source != active:
            active = self._choose(record, now)
        if active is None or (source is not None and source != active):
            return None
        held = record.sources[active]
        if held.trade is None:
            return None
        price_class = self._classify(held, record, now)
        if before and record.active is held and before.price_class is price_class:
            return None
        self._seq += 1
        stale_reason = self._stale_reason(held) if price_class is PriceClass.STALE else None
        asset_class = record.instrument.asset_class
        record.quote = held.quote(self._seq, price_class, asset_class, stale_reason)
        record.active = held
        return record.quote

    def _choose(self, record: SymbolRecord, now: datetime) -> str | None:
        """The active source as of now; a failover is noted."""
        current = record.quote.source.name if record.quote else None
        candidates = self._candidates(record, now)
        waiting = any(
            name != SIMULATED.name and self._health.is_expected(name, now)
            for name in record.instrument.provider_symbols
        )
        chosen = choose_source(record.policy, candidates, now, current=current, waiting=waiting)
        if chosen is not None and chosen != current:
            self._note_failover(record, candidates, current, chosen, now)
        return chosen

    def _note_failover(
        self,
        record: SymbolRecord,
        candidates: Mapping[str, Candidate],
        current: str | None,
        chosen: str,
        now: datetime,
    ) -> None:
        old, order = candidates.get(current) if current is not None else None, record.policy.sources
        is_better = current is not None and _place(order, chosen) < _place(order, current)
        reason = reason_of(old, candidates[chosen], is_better=is_better)
        if reason is FailoverReason.STALE and current is not None and self._health.is_down(current):
            reason = FailoverReason.DOWN
        age = old.source_quote.age(now) if old else None
        symbol = record.instrument.symbol
        self._failovers.append(Failover(self._clock(), symbol, current, chosen, reason, age))

    def _candidates(self, record: SymbolRecord, now: datetime) -> dict[str, Candidate]:
        candidates = {}
        for name, held in record.sources.items():
            if held.trade is None:
                continue
            price_class = self._classify(held, record, now)
            since = record.fresh_since.setdefault(name, now) if price_class.is_fresh else None
            if since is None:
                record.fresh_since.pop(name, None)
            starting = self._health.is_starting(name, now)
            candidates[name] = Candidate(held, price_class, since, starting)
        return candidates

    def _classify(self, held: SourceQuote, record: SymbolRecord, now: datetime) -> PriceClass:
        streaming = self._is_streaming(held)
        market_open = is_open(record.instrument.calendar, now)
        return record.policy.classify(held, now, streaming=streaming, market_open=market_open)

    def _is_streaming(self, held: SourceQuote) -> bool:
        return held.trade_from is not None and self._health.is_alive(
            held.source.name, held.trade_from.connection
        )

    def _stale_reason(self, held: SourceQuote) -> StaleReason:
        return StaleReason.AGE if self._is_streaming(held) else StaleReason.SOURCE_DOWN


def _is_secure(before: Quote, source: str) -> bool:
    """Whether a tick of this other source cannot or need not replace what is shown."""
    invented = source in (SIMULATED.name, LAST_RESORT.name)
    return before.price_class in _GOOD or (before.source.is_real and invented)


def _place(order: tuple[str, ...], source: str) -> int:
    """How many sources are preferred to this one."""
    return order.index(source) if source in order else len(order)
