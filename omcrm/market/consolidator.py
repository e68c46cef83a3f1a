"""Merges what the sources report into one quote per symbol: the active source's, with failover.

Long for a reason: all that changes a symbol's record stands here, under one lock.
"""

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import structs

from omcrm.market.clock import Clock
from omcrm.market.comparison import Contradiction, Dispute, Divergence, frozen_sources
from omcrm.market.explanation import Explanation, explain
from omcrm.market.failover import (
    Candidate,
    Failover,
    FailoverReason,
    choose_source,
    place,
    reason_of,
)
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.mid import is_after_close, priced_by_mid
from omcrm.market.policy import POLICIES, Policy
from omcrm.market.price_class import LIVE, STALE, PriceClass
from omcrm.market.quote import MID, Quote, StaleReason
from omcrm.market.quote_number import QuoteNumbers
from omcrm.market.source import LAST_RESORT, SIMULATED, HealthState
from omcrm.market.source_health import SourceHealth
from omcrm.market.source_quote import SourceQuote
from omcrm.market.symbol_record import ActiveSource, SymbolRecord
from omcrm.market.tick import ON_TIME, Tick
from omcrm.market.trade_condition import EVERYTHING
from omcrm.market.trade_correction import corrected
from omcrm.market.validation import Validator

# More failovers and disputes than can happen between two looks at them.
_MOST_FAILOVERS = 20_000
# While the active source's price is one of these, no other source is looked at between reviews.
_GOOD = (LIVE, PriceClass.CLOSED, PriceClass.REPLAYED)
# Why a source is given up.
_FAILED = (FailoverReason.DOWN, FailoverReason.STALE, FailoverReason.CONTRADICTED)


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
        self.numbers = QuoteNumbers()
        self._records: dict[str, SymbolRecord] = {}
        self._health = SourceHealth()
        self._frozen: frozenset[str] = frozenset()
        self._failovers: deque[Failover] = deque(maxlen=_MOST_FAILOVERS)
        self._contradictions: deque[Contradiction] = deque(maxlen=_MOST_FAILOVERS)

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Take these instruments, and no others, from now on."""
        with self._lock:
            followed = {}
            for instrument in instruments:
                policy = self._policies[instrument.asset_class].of(instrument.symbol)
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
            if record.policy.price_basis is MID:
                if is_after_close(tick, held, record.instrument):
                    return None
                tick = priced_by_mid(tick, held, record.policy)
            elif held is not None and tick.day is not None:
                tick = held.with_missed_trade(tick)
            if tick.correction is not None:
                return self._take_back(record, held, tick, tick.received_at + ahead)
            if tick.trade is not None and tick.trade.updates is not EVERYTHING:
                if not tick.trade.updates.last:
                    return self._count(record, held, tick, tick.received_at + ahead)
                if not tick.trade.updates.volume:
                    tick = structs.replace(tick, trade=structs.replace(tick.trade, size=None))
            sources, policy = record.sources, record.policy
            accepted = self._validator.validate(tick, held, sources.values(), policy)
            if accepted is None:
                return None
            if self._validator.is_late_jump:
                record.forget_own_channels(name)
            merged = SourceQuote.merge(accepted, held)
            sources[name] = merged.without_silent_book(policy.max_age)
            now = tick.received_at + ahead
            if self._validator.is_contradicted or record.dispute is not None:
                return self._consolidate(record, now)
            return self._consolidate(record, now, name)

    def set_health(
        self, source: str, state: HealthState, connection: int = 0, ahead: timedelta = ON_TIME
    ) -> list[Quote]:
        """Note how a source is doing; the quotes that change by that, `ahead` as in a review."""
        with self._lock:
            now = self._clock()
            self._health.set(source, state, connection, now, now + self._startup_grace)
            return self._review(now + ahead)

    def set_all_off(self) -> list[Quote]:
        """Note that all sources are switched off; the quotes that become stale by that.

        No other source becomes active.
        """
        with self._lock:
            now = self._clock()
            self._health.set_all_off(now)
            quotes = (
                self._consolidate(record, now, record.quote.source.name)
                for record in self._records.values()
                if record.quote is not None
            )
            return [quote for quote in quotes if quote is not None]

    def set_unserved(
        self, source: str, symbols: frozenset[str], ahead: timedelta = ON_TIME
    ) -> list[Quote]:
        """Note all symbols that a source does not serve although it answers; as `set_health`."""
        with self._lock:
            self._health.set_unserved(source, symbols)
            return self._review(self._clock() + ahead)

    def review(self, ahead: timedelta = ON_TIME) -> list[Quote]:
        """Let time pass: the quotes whose class or source is another one by now.

        A caller that comes only now and then looks `ahead`, so that no price is called live for too
        long.
        """
        with self._lock:
            return self._review(self._clock() + ahead)

    def has_better(self, symbol: str, source: str) -> bool:
        """Whether a price of this source would not be shown: one that the policy prefers has a
        price of now, or is starting and may have one soon."""
        with self._lock:
            record = self._records.get(symbol)
            if record is None:
                return False
            order, now = record.policy.sources, self._clock()
            return any(
                self._is_preferred(record, name, now) for name in order[: place(order, source)]
            )

    def expects(self, symbol: str, sources: Iterable[str]) -> bool:
        """Whether one of these streams may have a price soon: it is starting, or its last price has
        become stale a moment ago."""
        with self._lock:
            record = self._records.get(symbol)
            if record is None:
                return False
            now = self._clock()
            return any(self._is_expected(record, name, now) for name in sources)

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

    def take_contradictions(self) -> list[Contradiction]:
        """The contradictions and divergences that began or ended since the last call."""
        with self._lock:
            taken = list(self._contradictions)
            self._contradictions.clear()
            return taken

    def quotes_by_source(self, symbol: str) -> dict[str, Quote]:
        """What every source reports of a symbol now, in the policy's order, all numbered 0."""
        with self._lock:
            record = self._records.get(symbol)
            if record is None:
                return {}
            now = self._clock()
            candidates = self._candidates(record, self._classes(record, now), now)
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
            now = self._clock()
            candidates = self._candidates(record, self._classes(record, now), now)
            if record.quote is not None:
                candidates.pop(record.quote.source.name, None)
            if not candidates:
                return None
            return choose_source(record.policy, candidates, now)

    def explain(self, symbol: str) -> Explanation | None:
        """Why the price of a symbol is what it is; None where it is not followed."""
        with self._lock:
            record = self._records.get(symbol)
            if record is None:
                return None
            now = self._clock()
            down = frozenset(
                name for name, held in record.sources.items() if not self._is_streaming(held)
            )
            candidates = self._candidates(record, self._classes(record, now), now)
            return explain(record, candidates, down, now)

    # Called with the lock held

    def _count(
        self, record: SymbolRecord, held: SourceQuote | None, tick: Tick, now: datetime
    ) -> Quote | None:
        """Count a trade that does not set the last price; the shown quote with it, for bars."""
        trade, name = tick.trade, tick.source.name
        if trade is None or held is None or held.trade is None:
            return None
        if not self._validator.is_usable(tick, held, record.policy):
            return None
        record.sources[name] = held.with_ineligible(tick)
        quote = self._consolidate(record, now, name)
        if quote is None or quote.source.name != name:
            return quote
        return structs.replace(
            quote,
            ineligible_time=trade.time or tick.received_at,
            ineligible_price=trade.price if trade.updates.high_low else None,
            ineligible_size=trade.size if trade.updates.volume else None,
        )

    def _take_back(
        self, record: SymbolRecord, held: SourceQuote | None, tick: Tick, now: datetime
    ) -> Quote | None:
        """Take back a trade of this source, and use the corrected one if it was the last."""
        name = tick.source.name
        left = corrected(tick, held, record.sources.values(), record.policy, self._validator)
        if left is None:
            return None
        record.sources[name] = left
        shown = record.quote
        quote = self._consolidate(record, now)
        if quote is None and left.trade is None and shown and shown.source.name == name:
            quote = structs.replace(
                shown,
                seq=self.numbers.take(),
                price_class=STALE,
                stale_reason=StaleReason.CANCELLED,
                trade_number=left.trade_number,
            )
            self._show(record, quote, now)
        return quote

    def _review(self, now: datetime) -> list[Quote]:
        quotes = []
        self._frozen = frozen_sources(record.comparison for record in self._records.values())
        for record in self._records.values():
            outlying = self._validator.outliers.outlying(record.instrument.symbol, now)
            record.review_parts(now, outlying)
            self._accept_lasting_outliers(record, now)
            self._compare(record, now)
            quote = self._consolidate(record, now)
            if quote is not None:
                quotes.append(quote)
        return quotes

    def _accept_lasting_outliers(self, record: SymbolRecord, now: datetime) -> None:
        """Take in the outliers that their sources stand by, where something contradicts them.

        That is another live source, or for a book the trades beside it.
        """
        for tick in self._validator.outliers.lasting(record.instrument.symbol, now):
            name = tick.source.name
            others = (
                held
                for other, held in record.sources.items()
                if other != name and not record.is_beside_itself(other)
            )
            if tick.trade is None:
                record.sources[name] = SourceQuote.merge(tick, record.sources.get(name))
            elif any(held.opposes(tick, now, record.policy.max_age) for held in others):
                record.sources[name] = SourceQuote.merge(tick, record.sources.get(name))
                self._validator.note_reference(tick, record.policy)
                record.forget_own_channels(name)

    def _compare(self, record: SymbolRecord, now: datetime) -> None:
        """Note how far the live sources are apart."""
        live = self._live(record, self._classes(record, now), now)
        divergence = record.comparison.note(live, record.policy.max_divergence, now)
        # A dispute says more, and outlives who takes part in it.
        if record.dispute is None and (divergence is None) is not (record.divergence is None):
            self._note_contradiction(record, divergence, len(live) > 1, is_dispute=False)
            # The quote says so.
            record.divergence, record.active = divergence, None

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
        is_contradicted = record.is_contradicted(active, price_class)
        if is_contradicted:
            price_class = STALE
        if before and record.active is held and before.price_class is price_class:
            return None
        stale_reason = None
        if price_class is STALE:
            stale_reason = self._stale_reason(held, is_contradicted=is_contradicted)
        asset_class = record.instrument.asset_class
        apart = record.divergence.apart_from(active) if record.divergence else None
        quote = held.quote(self.numbers.take(), price_class, asset_class, stale_reason, apart)
        self._show(record, quote, now)
        record.active = held
        return quote

    def _show(self, record: SymbolRecord, quote: Quote, now: datetime) -> None:
        before, price_class = record.quote, quote.price_class
        record.quote = quote
        if (
            before is None
            or before.source is not quote.source
            or before.price_class is not price_class
        ):
            record.changes.append(ActiveSource(now, quote.source.name, price_class))

    def _choose(self, record: SymbolRecord, now: datetime) -> str | None:
        """The active source as of now; a failover is noted."""
        current = record.quote.source.name if record.quote else None
        classes = self._classes(record, now)
        if record.decide_dispute(self._live(record, classes, now), self._frozen, now):
            by_agreement = record.refutations.by_agreement
            self._note_contradiction(record, record.dispute, by_agreement, is_dispute=True)
        candidates = self._candidates(record, classes, now)
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
        is_better = current is not None and place(order, chosen) < place(order, current)
        health = self._health.state(current) if current is not None else HealthState.HEALTHY
        reason = reason_of(old, candidates[chosen], health, is_better=is_better)
        age = old.source_quote.age(now) if old else None
        symbol = record.instrument.symbol
        self._failovers.append(Failover(self._clock(), symbol, current, chosen, reason, age))
        if current is not None and reason in _FAILED:
            record.note_failure(current, now)

    def _classes(self, record: SymbolRecord, now: datetime) -> dict[str, PriceClass]:
        """The class of each source that has a price, whatever other sources say."""
        return {
            name: self._classify(held, record, now)
            for name, held in record.sources.items()
            if held.trade is not None
        }

    def _candidates(
        self, record: SymbolRecord, classes: Mapping[str, PriceClass], now: datetime
    ) -> dict[str, Candidate]:
        candidates = {}
        for name, own_class in classes.items():
            is_contradicted = record.is_contradicted(name, own_class)
            price_class = STALE if is_contradicted else own_class
            since = record.fresh_since.setdefault(name, now) if price_class.is_fresh else None
            if since is None:
                record.fresh_since.pop(name, None)
            candidates[name] = Candidate(
                record.sources[name],
                price_class,
                since,
                self._health.is_starting(name, now),
                record.recovery_hold(name, now),
                is_contradicted,
            )
        return candidates

    def _note_contradiction(
        self,
        record: SymbolRecord,
        between: Dispute | Divergence | None,
        by_agreement: bool,
        *,
        is_dispute: bool,
    ) -> None:
        symbol, active = record.instrument.symbol, record.quote.source.name if record.quote else ""
        self._contradictions.append(
            Contradiction(self._clock(), symbol, active, is_dispute, between, by_agreement)
        )

    def _live(
        self, record: SymbolRecord, classes: Mapping[str, PriceClass], now: datetime
    ) -> dict[str, SourceQuote]:
        return record.compared(classes, self._is_alive, now)

    def _classify(self, held: SourceQuote, record: SymbolRecord, now: datetime) -> PriceClass:
        streaming = self._is_streaming(held)
        return record.policy.classify(held, now, record.instrument.calendar, streaming=streaming)

    def _is_preferred(self, record: SymbolRecord, name: str, now: datetime) -> bool:
        """Whether a source has a price that is shown before polled ones, or may have one soon."""
        if self._is_expected(record, name, now):
            return True
        held = record.sources.get(name)
        if held is None or held.trade is None or held.recorded_at is not None:
            return False
        is_up = held.source.claim is LIVE or self._is_streaming(held)
        return is_up and self._classify(held, record, now).is_fresh

    def _is_expected(self, record: SymbolRecord, name: str, now: datetime) -> bool:
        """Whether a source is starting, or its stream's price has become stale a moment ago."""
        if name in record.instrument.provider_symbols and self._health.is_expected(name, now):
            return True
        held = record.sources.get(name)
        if held is None or held.trade is None or held.source.claim is not LIVE:
            return False
        is_stale = self._classify(held, record, now) is STALE
        return is_stale and held.age(now) <= record.policy.stale_hold

    def _is_streaming(self, held: SourceQuote) -> bool:
        return self._is_alive(held.trade_from)

    def _is_alive(self, brought_by: Tick | None) -> bool:
        """Whether the connection that brought a tick is the source's present one."""
        return brought_by is not None and self._health.is_alive(
            brought_by.source.name, brought_by.connection, brought_by.symbol
        )

    def _stale_reason(self, held: SourceQuote, *, is_contradicted: bool) -> StaleReason:
        if is_contradicted:
            return StaleReason.CONTRADICTED
        return StaleReason.AGE if self._is_streaming(held) else StaleReason.SOURCE_DOWN


def _is_secure(before: Quote, source: str) -> bool:
    """Whether a tick of this other source cannot or need not replace what is shown."""
    invented = source in (SIMULATED.name, LAST_RESORT.name)
    return before.price_class in _GOOD or (before.source.is_real and invented)
