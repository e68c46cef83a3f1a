"""The fan-out: sends the hub's quotes to all subscribers, and nothing else does.

Longer than most for a reason: what is sent to whom depends on the order of everything here.
"""

import logging
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from omcrm.concurrency import native_lock
from omcrm.market.quote import Quote
from omcrm.streaming.rate_tier import (
    NOTHING,
    Batch,
    BatchEncoder,
    EncodeQuote,
    Facts,
    Group,
    IsAlike,
    RateTier,
    StateSink,
    Subscriber,
)
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.wire.client_counts import DeliveryCounts

_log = logging.getLogger(__name__)

# The fan-out yields to other threads after so many seconds of writing, or as many as they took last
# time, within a bound; it checks the time every so many writes.
_TIME_SLICE, _LONGEST_SLICE = 0.002, 0.01
_CHECK_EVERY = 32
# A requested rate is rounded down to one of so many steps between a rate and its double, so that
# many different requests share few tiers; and to no fewer updates a second than the slowest.
_STEPS, _TOLERANCE = 20, 1e-6
_SLOWEST = 1e-6
# A changed demand is reported with the next flush, or after so many seconds.
_REPORT_EVERY = 1.0


class ResumeToken(NamedTuple):
    """The point in the stream up to which a client had everything when it lost its connection."""

    epoch: str
    seq: int


class ResumePoint(NamedTuple):
    """A client's point in the stream, from which it may resume, and its updates per second."""

    epoch: str
    seq: int
    max_rate: float


class FanOut:
    """Sends each subscriber the newest quote of its symbols, from a thread of its own.

    The first change after silence is sent at once, then at most one per window and symbol; the last
    one is always sent, and never an older one after a newer. One that `is_alike` to what was sent
    may wait for a second. Subscribers with the same symbols get the same bytes; one that cannot
    accept them gets the newest quote of each pending symbol later, and nothing else. While it runs,
    `on_demand` gets the symbols that have subscribers whenever they change.
    """

    def __init__(
        self,
        window: float = 0.1,
        is_alike: IsAlike = lambda quote, sent: False,
        on_demand: Callable[[frozenset[str]], None] = lambda symbols: None,
    ) -> None:
        self._window = window
        self._is_alike = is_alike
        self._on_demand = on_demand
        self._run_id = secrets.token_hex(4)
        # Held briefly by threads that publish a quote.
        self._lock = native_lock()
        # Held while sending, so that no subscriber gets an older quote after a newer one.
        self._sending = native_lock()
        self._known: dict[str, Quote] = {}
        self._top = 0
        self._base = RateTier(window, self._epoch(window), is_alike)
        self._tiers: tuple[RateTier, ...] = (self._base,)
        self._encoders: dict[EncodeQuote, BatchEncoder] = {}
        # The flush under way: its number, and the batch of each group.
        self._flush_number = 0
        self._flushing: dict[Group, Batch] = {}
        self._wake = threading.Event()
        self._wakes_at = math.inf
        self._demand_changed = False
        self._failures = ThrottledLog(_log)
        self._thread: threading.Thread | None = None
        self._running = False
        self.sent = 0
        self.updates = 0
        self.skipped = 0

    # Quotes

    def take(self, quote: Quote) -> None:
        """Keep the quote until its symbol may be sent; one older than the known is dropped."""
        now = time.monotonic()
        earliest = math.inf
        with self._lock:
            known = self._known.get(quote.symbol)
            if known is not None and quote.seq <= known.seq:
                return
            self._known[quote.symbol] = quote
            self._top = max(self._top, quote.seq)
            for tier in self._tiers:
                due_at = tier.note(quote, now)
                if due_at is not None and due_at < earliest:
                    earliest = due_at
            wakes_too_late = earliest < self._wakes_at
        if wakes_too_late:
            self._wake.set()

    def forget(self, symbols: Iterable[str]) -> None:
        """Drop the quotes of these symbols and all subscriptions to them."""
        gone = set(symbols)
        with self._sending:
            affected = [
                (tier, subscriber)
                for tier in self._tiers
                for subscriber in tier.subscribers_of(gone)
            ]
            for _, subscriber in affected:
                self._finish_flush_for(subscriber)
            with self._lock:
                for tier, subscriber in affected:
                    self._set_symbols(subscriber, tier, subscriber.symbols - gone)
                for symbol in gone:
                    for tier in self._tiers:
                        tier.forget(symbol)
                    self._known.pop(symbol, None)
            for encoder in self._encoders.values():
                for symbol in gone:
                    encoder.forget(symbol)

    # Subscribers

    def add(self, sink: StateSink, dialect: EncodeQuote, facts: Facts | None = None) -> Subscriber:
        """A new subscriber without symbols.

        Changes with the same `facts` as before are not sent in this dialect.
        """
        with self._sending:
            encoder = self._encoders.setdefault(dialect, BatchEncoder(dialect, facts))
        subscriber = Subscriber(sink, encoder)
        sink.on_ready(lambda: self._flush_pending(subscriber))
        return subscriber

    def subscribe(
        self,
        subscriber: Subscriber,
        symbols: Iterable[str],
        max_rate: float | None = None,
        since: ResumeToken | None = None,
    ) -> ResumePoint:
        """Add symbols to a subscription: send the newest quote of each now, then each change.

        `max_rate` is the highest number of updates per symbol and second. With `since`, only quotes
        that changed after that point are sent now, where that can be known.
        """
        with self._sending:
            self._finish_flush_for(subscriber)
            before = subscriber.tier or self._base
            tier = before if max_rate is None else self._tier(max_rate)
            new = frozenset(symbols)
            wanted = subscriber.symbols | new
            with self._lock:
                lacking = tier.waiting.keys() | subscriber.pending
                snapshot = set(wanted if tier is not before else new | (wanted & lacking))
                if since is not None and since.epoch == tier.epoch and since.seq <= self._top:
                    is_missing = tier.missing_since(since.seq, self._known)
                    if is_missing is not None:
                        snapshot = {
                            symbol
                            for symbol in snapshot
                            if symbol in self._known and is_missing(symbol)
                        }
                quotes = [self._known[symbol] for symbol in snapshot if symbol in self._known]
                resume_point = ResumePoint(tier.epoch, self._top, round(1 / tier.window, 12))
                if tier is not before:
                    before.set_symbols(subscriber, frozenset())
                    self._note_demand(before)
                self._set_symbols(subscriber, tier, wanted)
            self._send_snapshot(subscriber, sorted(quotes, key=lambda quote: quote.seq))
            # Pending quotes may never arrive: the client must not resume after them.
            return resume_point._replace(seq=0) if subscriber.pending else resume_point

    def unsubscribe(self, subscriber: Subscriber, symbols: Iterable[str]) -> None:
        """Take symbols from a subscription."""
        with self._sending:
            self._finish_flush_for(subscriber)
            if subscriber.tier is not None:
                left = subscriber.symbols.difference(symbols)
                with self._lock:
                    self._set_symbols(subscriber, subscriber.tier, left)

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a subscriber."""
        with self._sending, self._lock:
            if subscriber.tier is not None:
                self._set_symbols(subscriber, subscriber.tier, frozenset())

    def is_watched(self, symbol: str) -> bool:
        """Whether the symbol has a subscriber."""
        return any(tier.is_watched(symbol) for tier in self._tiers)

    def counts(self) -> DeliveryCounts:
        """Totals since the start of the process."""
        return DeliveryCounts(
            quotes=self.sent,
            updates=self.updates,
            conflated=sum(tier.conflated for tier in self._tiers),
            skipped=self.skipped,
        )

    # Starting and stopping

    def start(self) -> None:
        """Start the thread; a second call does nothing."""
        with self._lock:
            if self._thread is not None:
                return
            self._running = True
            self._thread = threading.Thread(target=self._run, name="fan-out", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Flush all waiting quotes and end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._running = False
        if thread is not None:
            self._wake.set()
            thread.join()

    def _run(self) -> None:
        while self._running:
            seconds = self._flush_due()
            self._wake.wait(_REPORT_EVERY if seconds is None else min(seconds, _REPORT_EVERY))
            self._wake.clear()
            if self._demand_changed:
                self._report_demand()
        self._flush_due(at_the_end=True)

    def _flush_due(self, *, at_the_end: bool = False) -> float | None:
        """Flush the due quotes; the seconds until the next flush, None if nothing waits.

        After a flush the thread waits for the sent symbols' next send times even if nothing waits
        for them yet: a busy symbol then needs no wake-up of this thread.
        """
        busy = math.inf
        for tier in self._tiers:
            if at_the_end:
                with self._lock:
                    tier.flush_now()
            try:
                symbols = self._flush(tier, time.monotonic())
            except Exception:
                _log.exception("sending to the subscribers failed")
                continue
            busy = min(busy, tier.next_send_at(symbols))
        with self._lock:
            now = time.monotonic()
            due = min(tier.next_flush(now) for tier in self._tiers)
            self._wakes_at = min(due, busy)
        if self._wakes_at == math.inf:
            return None
        return max(0.0, self._wakes_at - now)

    def _note_demand(self, tier: RateTier) -> None:
        if tier.demand_changed:
            # No wake-up: a native lock is held, and setting an event may switch green threads.
            tier.demand_changed, self._demand_changed = False, True

    def _report_demand(self) -> None:
        with self._lock:
            self._demand_changed = False
            watched = frozenset().union(*(tier.watched() for tier in self._tiers))
        try:
            self._on_demand(watched)
        except Exception:
            _log.exception("reporting what is watched failed")

    # Sending

    def _flush(self, tier: RateTier, now: float) -> list[str]:
        with self._sending:
            with self._lock:
                quotes = tier.take_due(now, self._known, self._flush_number + 1)
            if not quotes:
                return []
            self._flush_number += 1
            self.sent += len(quotes)
            self._flushing = _batches_by_group(tier, quotes)
            left = [(batch, list(group.members)) for group, batch in self._flushing.items()]
        time_slice = _TIME_SLICE
        while left:
            with self._sending:
                self._write_some(left, time.monotonic() + time_slice)
            began = time.monotonic()
            time.sleep(0)
            time_slice = min(max(_TIME_SLICE, time.monotonic() - began), _LONGEST_SLICE)
        self._flushing = {}
        return [quote.symbol for quote in quotes]

    def _write_some(self, left: list[tuple[Batch, list[Subscriber]]], until: float) -> None:
        flush = self._flush_number
        while left:
            batch, members = left[-1]
            framed, count = batch.framed, 0
            some, members[-_CHECK_EVERY:] = members[-_CHECK_EVERY:], ()
            for subscriber in some:
                if subscriber.flushed != flush:
                    subscriber.flushed = flush
                    direct = subscriber.direct
                    try:
                        if subscriber.pending or not (
                            subscriber.sink.try_send(batch)
                            if direct is None
                            else direct.try_send(framed)
                        ):
                            self._add_pending(subscriber, batch)
                        else:
                            count += 1
                    except Exception:
                        self._failures.exception("sending to a subscriber failed")
            self.updates += count * len(batch.symbols)
            if not members:
                left.pop()
            if time.monotonic() > until:
                return

    def _send(self, subscriber: Subscriber, batch: Batch) -> None:
        try:
            if subscriber.pending or not subscriber.sink.try_send(batch):
                self._add_pending(subscriber, batch)
            else:
                self.updates += len(batch.symbols)
        except Exception:
            self._failures.exception("sending to a subscriber failed")

    def _add_pending(self, subscriber: Subscriber, batch: Batch) -> None:
        subscriber.pending = subscriber.pending.union(batch.symbols)
        self.skipped += len(batch.symbols)

    def _send_snapshot(self, subscriber: Subscriber, quotes: list[Quote]) -> None:
        """Send the requested quotes together with the pending ones."""
        batch = subscriber.encoder.batch(quotes)
        if not quotes or subscriber.sink.try_send(batch, asked=True):
            subscriber.pending = subscriber.pending.difference(batch.symbols)
            self.updates += len(quotes)
        else:
            self._add_pending(subscriber, batch)

    def _flush_pending(self, subscriber: Subscriber) -> None:
        """Send the newest quotes of the pending symbols, now that the client accepts state."""
        with self._sending:
            # The client may have changed its transport meanwhile.
            subscriber.direct = subscriber.sink.direct()
            if not subscriber.pending or subscriber.tier is None:
                return
            # A flush under way carries older quotes for it than those sent below.
            self._finish_flush_for(subscriber)
            with self._lock:
                quotes = [
                    self._known[symbol] for symbol in subscriber.pending if symbol in self._known
                ]
            subscriber.pending = NOTHING
            if quotes:
                in_order = sorted(quotes, key=lambda quote: quote.seq)
                self._send(subscriber, subscriber.encoder.batch(in_order))

    # With the sending lock held

    def _finish_flush_for(self, subscriber: Subscriber) -> None:
        """Send a subscriber its batch of the flush under way, before its symbols change."""
        batch = self._flushing.get(subscriber.group) if subscriber.group is not None else None
        if batch is not None and subscriber.flushed != self._flush_number:
            subscriber.flushed = self._flush_number
            self._send(subscriber, batch)

    def _set_symbols(self, subscriber: Subscriber, tier: RateTier, symbols: frozenset[str]) -> None:
        tier.set_symbols(subscriber, symbols)
        self._note_demand(tier)
        # A flush under way carries nothing newer than the snapshot that follows.
        subscriber.flushed = self._flush_number
        subscriber.pending &= symbols
        if not symbols:
            subscriber.tier = None
        self._tiers = (
            self._base,
            *(tier for tier in {*self._tiers, tier} if tier.size and tier is not self._base),
        )

    def _tier(self, max_rate: float) -> RateTier:
        """The tier of that rate, rounded down by less than a twentieth; round rates are exact."""
        if max_rate * self._window > 1 - _TOLERANCE:
            return self._base
        window = 1 / _rounded(max(max_rate, _SLOWEST))
        for tier in self._tiers:
            if tier.window == window:
                return tier
        return RateTier(window, self._epoch(window), self._is_alike)

    def _epoch(self, window: float) -> str:
        """A new epoch: sequence numbers are comparable within one process run and tier only."""
        return f"{self._run_id}.{secrets.token_hex(2)}.{round(window * 1000)}"


def _rounded(rate: float) -> float:
    """The highest step at or below the rate."""
    octave = 2.0 ** math.floor(math.log2(rate))
    # By rounding errors, a rate that is a step may come out slightly below it.
    return math.floor(rate / octave * _STEPS + _TOLERANCE) * octave / _STEPS


def _batches_by_group(tier: RateTier, quotes: list[Quote]) -> dict[Group, Batch]:
    """The batch of each group; groups of one dialect with the same quotes share it."""
    batches: dict[tuple[BatchEncoder, tuple[str, ...]], Batch] = {}
    repeated: dict[BatchEncoder, set[str]] = {}
    batch_of: dict[Group, Batch] = {}
    for group, group_quotes in tier.quotes_by_group(quotes).items():
        encoder, due = group.encoder, group_quotes
        if encoder.facts is not None:
            if encoder not in repeated:
                repeated[encoder] = {
                    quote.symbol
                    for quote in quotes
                    if encoder.is_repeated(quote, tier.sent[quote.symbol].before)
                }
            due = [quote for quote in group_quotes if quote.symbol not in repeated[encoder]]
            if not due:
                continue
        key = (encoder, tuple([quote.symbol for quote in due]))
        if key not in batches:
            batches[key] = encoder.batch(due)
        batch_of[group] = batches[key]
    return batch_of
