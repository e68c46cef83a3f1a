"""Where prices leave: the only way from the hub to whoever watches.

Longer than most for a reason: what is told, to whom, and in which order is one thought.
"""

import logging
import math
import secrets
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from omcrm.concurrency import native_lock
from omcrm.market.quote import Quote
from omcrm.streaming.batch import Batch, BatchEncoder, EncodeQuote, Facts
from omcrm.streaming.rate_tier import NOTHING, Group, IsAlike, RateTier, StateSink, Subscriber
from omcrm.streaming.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

# Others are let run after so many seconds of writing, or as many as they took the last time, within
# a bound; the time is looked at every so many writes.
_TURN, _LONGEST_TURN = 0.002, 0.01
_LOOK_EVERY = 32
# A wish for fewer updates is rounded down to one of so many steps between a rate and its double, so
# that there are not as many lanes as wishes; and not to fewer than so many a second.
_STEPS, _HAIR = 20, 1e-6
_SLOWEST = 1e-6


class ResumeToken(NamedTuple):
    """Where a client was when it lost its connection."""

    epoch: str
    seq: int


class ResumePoint(NamedTuple):
    """Where a client is: what it may come back with, and how often it is told a symbol."""

    epoch: str
    seq: int
    max_rate: float


class FanOut:
    """Tells each subscriber the newest quote of its symbols, from a thread of its own.

    The first change after silence leaves at once, then at most one per window and symbol; the last
    one always leaves, and never an older one after a newer. One that `is_alike` to what was told
    may wait for a second. Subscribers with the same symbols get the same bytes; one that cannot
    take them is owed the newest it missed, and nothing else.
    """

    def __init__(self, window: float = 0.1, is_alike: IsAlike = lambda quote, told: False) -> None:
        self._window = window
        self._is_alike = is_alike
        self._run_id = secrets.token_hex(4)
        # Held for a moment by whoever brings a quote.
        self._lock = native_lock()
        # Held while anybody is told, so that nobody is told an older quote after a newer one.
        self._telling = native_lock()
        self._known: dict[str, Quote] = {}
        self._top = 0
        self._base = RateTier(window, self._epoch(window), is_alike)
        self._tiers: tuple[RateTier, ...] = (self._base,)
        self._printers: dict[EncodeQuote, BatchEncoder] = {}
        # The flush under way, by its number: what each group gets by it.
        self._number = 0
        self._flushing: dict[Group, Batch] = {}
        self._wake = threading.Event()
        self._wakes_at = math.inf
        self._failures = ThrottledLog(_log)
        self._thread: threading.Thread | None = None
        self._running = False
        self.told = 0
        self.updates = 0
        self.missed = 0

    # What changes

    def take(self, quote: Quote) -> None:
        """Remember the quote until its symbol's turn; an older one than known is dropped."""
        now = time.monotonic()
        earliest = math.inf
        with self._lock:
            known = self._known.get(quote.symbol)
            if known is not None and quote.seq <= known.seq:
                return
            self._known[quote.symbol] = quote
            self._top = max(self._top, quote.seq)
            for tier in self._tiers:
                turn = tier.note(quote, now)
                if turn is not None and turn < earliest:
                    earliest = turn
            too_late = earliest < self._wakes_at
        if too_late:
            self._wake.set()

    def forget(self, symbols: Iterable[str]) -> None:
        """Drop what is held of these symbols, and tell nobody about them any more."""
        gone = set(symbols)
        with self._telling:
            watching = [(tier, watcher) for tier in self._tiers for watcher in tier.watching(gone)]
            for _, subscriber in watching:
                self._settle(subscriber)
            with self._lock:
                for tier, subscriber in watching:
                    self._place(subscriber, tier, subscriber.symbols - gone)
                for symbol in gone:
                    for tier in self._tiers:
                        tier.forget(symbol)
                    self._known.pop(symbol, None)
            for encoder in self._printers.values():
                for symbol in gone:
                    encoder.forget(symbol)

    # Who is told

    def join(self, sink: StateSink, dialect: EncodeQuote, facts: Facts | None = None) -> Subscriber:
        """A new subscriber, which watches nothing yet.

        Changes with the same `facts` as before are not sent in this dialect.
        """
        with self._telling:
            encoder = self._printers.setdefault(dialect, BatchEncoder(dialect, facts))
        subscriber = Subscriber(sink, encoder)
        sink.on_ready(lambda: self._catch_up(subscriber))
        return subscriber

    def watch(
        self,
        subscriber: Subscriber,
        symbols: Iterable[str],
        max_rate: float | None = None,
        since: ResumeToken | None = None,
    ) -> ResumePoint:
        """Let it watch these symbols, too: the newest quote of each at once, then each change.

        `max_rate` is how many updates of a symbol it wants in a second, at most. With `since` it is
        sent only what changed, where that can be known.
        """
        with self._telling:
            self._settle(subscriber)
            before = subscriber.tier or self._base
            tier = before if max_rate is None else self._tier(max_rate)
            new = frozenset(symbols)
            wanted = subscriber.symbols | new
            with self._lock:
                lacking = tier.waiting.keys() | subscriber.missed
                shown = set(wanted if tier is not before else new | (wanted & lacking))
                if since is not None and since.epoch == tier.epoch and since.seq <= self._top:
                    is_missing = tier.missing_since(since.seq, self._known)
                    if is_missing is not None:
                        shown = {
                            symbol
                            for symbol in shown
                            if symbol in self._known and is_missing(symbol)
                        }
                quotes = [self._known[symbol] for symbol in shown if symbol in self._known]
                position = ResumePoint(tier.epoch, self._top, round(1 / tier.window, 12))
                if tier is not before:
                    before.place(subscriber, frozenset())
                self._place(subscriber, tier, wanted)
            self._show(subscriber, sorted(quotes, key=lambda quote: quote.seq))
            # What is owed may never arrive: nobody may come back as if it had.
            return position._replace(seq=0) if subscriber.missed else position

    def unwatch(self, subscriber: Subscriber, symbols: Iterable[str]) -> None:
        """Let it watch these symbols no more."""
        with self._telling:
            self._settle(subscriber)
            if subscriber.tier is not None:
                left = subscriber.symbols.difference(symbols)
                with self._lock:
                    self._place(subscriber, subscriber.tier, left)

    def leave(self, subscriber: Subscriber) -> None:
        """The client is gone."""
        with self._telling, self._lock:
            if subscriber.tier is not None:
                self._place(subscriber, subscriber.tier, frozenset())

    def is_watched(self, symbol: str) -> bool:
        """Whether anybody watches it."""
        return any(tier.is_watched(symbol) for tier in self._tiers)

    def counts(self) -> dict[str, int]:
        """What was told so far: quotes, updates written, and those missed by slow readers."""
        skipped = sum(tier.skipped for tier in self._tiers)
        return {
            "quotes": self.told,
            "updates": self.updates,
            "conflated": skipped,
            "missed": self.missed,
        }

    # Starting and stopping

    def start(self) -> None:
        """Begin to tell; twice is once."""
        with self._lock:
            if self._thread is not None:
                return
            self._running = True
            self._thread = threading.Thread(target=self._run, name="fan-out", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell what waits, and end."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._running = False
        if thread is not None:
            self._wake.set()
            thread.join()

    def _run(self) -> None:
        while self._running:
            self._wake.wait(self._pass())
            self._wake.clear()
        self._pass(at_the_end=True)

    def _pass(self, *, at_the_end: bool = False) -> float | None:
        """Tell what may leave by now; the seconds until the next time, None where there is none.

        After a flush the next turn is waited for even if nothing is there for it yet: a busy symbol
        then needs nobody to wake this thread.
        """
        busy = math.inf
        for tier in self._tiers:
            if at_the_end:
                with self._lock:
                    tier.flush_now()
            try:
                symbols = self._flush(tier, time.monotonic())
            except Exception:
                _log.exception("telling the subscribers failed")
                continue
            busy = min(busy, tier.next_turn(symbols))
        with self._lock:
            now = time.monotonic()
            due = min(tier.next_flush(now) for tier in self._tiers)
            self._wakes_at = min(due, busy)
        if self._wakes_at == math.inf:
            return None
        return max(0.0, self._wakes_at - now)

    # Telling

    def _flush(self, tier: RateTier, now: float) -> list[str]:
        with self._telling:
            with self._lock:
                quotes = tier.take_due(now, self._known, self._number + 1)
            if not quotes:
                return []
            self._number += 1
            self.told += len(quotes)
            self._flushing = _printed(tier, quotes)
            left = [(batch, list(group.members)) for group, batch in self._flushing.items()]
        turn = _TURN
        while left:
            with self._telling:
                self._write_some(left, time.monotonic() + turn)
            began = time.monotonic()
            time.sleep(0)
            turn = min(max(_TURN, time.monotonic() - began), _LONGEST_TURN)
        self._flushing = {}
        return [quote.symbol for quote in quotes]

    def _write_some(self, left: list[tuple[Batch, list[Subscriber]]], until: float) -> None:
        flush = self._number
        while left:
            batch, members = left[-1]
            framed, count = batch.framed, 0
            some, members[-_LOOK_EVERY:] = members[-_LOOK_EVERY:], ()
            for subscriber in some:
                if subscriber.flushed != flush:
                    subscriber.flushed = flush
                    direct = subscriber.direct
                    try:
                        if subscriber.missed or not (
                            subscriber.sink.try_send(batch)
                            if direct is None
                            else direct.try_send(framed)
                        ):
                            self._owe(subscriber, batch)
                        else:
                            count += 1
                    except Exception:
                        self._failures.exception("telling a subscriber failed")
            self.updates += count * len(batch.symbols)
            if not members:
                left.pop()
            if time.monotonic() > until:
                return

    def _tell(self, subscriber: Subscriber, batch: Batch) -> None:
        try:
            if subscriber.missed or not subscriber.sink.try_send(batch):
                self._owe(subscriber, batch)
            else:
                self.updates += len(batch.symbols)
        except Exception:
            self._failures.exception("telling a subscriber failed")

    def _owe(self, subscriber: Subscriber, batch: Batch) -> None:
        subscriber.missed = subscriber.missed.union(batch.symbols)
        self.missed += len(batch.symbols)

    def _show(self, subscriber: Subscriber, quotes: list[Quote]) -> None:
        """What it has just asked for, with all that it is owed."""
        batch = subscriber.encoder.batch(quotes)
        if not quotes or subscriber.sink.try_send(batch, asked=True):
            subscriber.missed = subscriber.missed.difference(batch.symbols)
            self.updates += len(quotes)
        else:
            self._owe(subscriber, batch)

    def _give(self, subscriber: Subscriber, quotes: list[Quote]) -> None:
        if quotes:
            self._tell(subscriber, subscriber.encoder.batch(quotes))

    def _catch_up(self, subscriber: Subscriber) -> None:
        """The client can take state again: give it the newest of what it missed."""
        with self._telling:
            # It may have changed its transport meanwhile.
            subscriber.direct = subscriber.sink.direct()
            if not subscriber.missed or subscriber.tier is None:
                return
            # What a flush under way has for it is older than what it is about to be given.
            self._settle(subscriber)
            with self._lock:
                quotes = [
                    self._known[symbol] for symbol in subscriber.missed if symbol in self._known
                ]
            subscriber.missed = NOTHING
            self._give(subscriber, sorted(quotes, key=lambda quote: quote.seq))

    # With the lock held while anybody is told

    def _settle(self, subscriber: Subscriber) -> None:
        """Before its wishes change, give a subscriber what the flush under way has for it."""
        batch = self._flushing.get(subscriber.group) if subscriber.group is not None else None
        if batch is not None and subscriber.flushed != self._number:
            subscriber.flushed = self._number
            self._tell(subscriber, batch)

    def _place(self, subscriber: Subscriber, tier: RateTier, symbols: frozenset[str]) -> None:
        tier.place(subscriber, symbols)
        # What a flush under way carries is not newer than what the subscriber is about to be shown.
        subscriber.flushed = self._number
        subscriber.missed &= symbols
        if not symbols:
            subscriber.tier = None
        self._tiers = (
            self._base,
            *(tier for tier in {*self._tiers, tier} if tier.size and tier is not self._base),
        )

    def _tier(self, max_rate: float) -> RateTier:
        """The lane of that rate, rounded down by less than a twentieth; round rates are exact."""
        if max_rate * self._window > 1 - _HAIR:
            return self._base
        window = 1 / _rounded(max(max_rate, _SLOWEST))
        for tier in self._tiers:
            if tier.window == window:
                return tier
        return RateTier(window, self._epoch(window), self._is_alike)

    def _epoch(self, window: float) -> str:
        """Numbers mean something within one run of the process and one lane only."""
        return f"{self._run_id}.{secrets.token_hex(2)}.{round(window * 1000)}"


def _rounded(rate: float) -> float:
    """The highest step that is not above the rate."""
    octave = 2.0 ** math.floor(math.log2(rate))
    # A rate that is a step may come out a hair below it.
    return math.floor(rate / octave * _STEPS + _HAIR) * octave / _STEPS


def _printed(tier: RateTier, quotes: list[Quote]) -> dict[Group, Batch]:
    """What each group gets: one batch for all of a dialect who get the same quotes."""
    batches: dict[tuple[BatchEncoder, tuple[str, ...]], Batch] = {}
    repeated: dict[BatchEncoder, set[str]] = {}
    printed: dict[Group, Batch] = {}
    for group, concerned in tier.concerned(quotes).items():
        encoder, due = group.encoder, concerned
        if encoder.facts is not None:
            if encoder not in repeated:
                repeated[encoder] = {
                    quote.symbol
                    for quote in quotes
                    if encoder.is_repeated(quote, tier.told[quote.symbol].before)
                }
            due = [quote for quote in concerned if quote.symbol not in repeated[encoder]]
            if not due:
                continue
        key = (encoder, tuple([quote.symbol for quote in due]))
        if key not in batches:
            batches[key] = encoder.batch(due)
        printed[group] = batches[key]
    return printed
