"""A rate tier: the subscribers with the same window, the quotes that wait for them, and the batches
that these are sent in: encoded once and framed once for all.

Long for a reason: conflation, pace and resuming are about the same numbers.
"""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple, Protocol

from omcrm.market.quote import Quote
from omcrm.streaming.frame import deflated_frame, text_frame

# How long a quote that is alike to the last one sent is held back, in seconds.
_ALIKE_INTERVAL = 1.0
# How much of a window a symbol waits for others, so that they are sent in one write.
_GATHER = 0.25
# A symbol whose single change waits longer than the first share of a window, more than so often in
# a row, is out of step with the tier: its window is then shortened to the last share.
_LONG_WAIT, _IN_A_ROW, _SHORTENED = 0.1, 3, 0.9
# By that a symbol may gain one window, the most it can be out of step, and so much in each later.
_MAX_GAIN, _FORGIVEN = 1.0, 0.005
# Flush records for resuming: one per so many seconds, and so many of them.
_RECORD_EVERY, _RECORDS = 0.25, 4096

IsAlike = Callable[[Quote, Quote], bool]
# A dialect is a function from a quote to its text message.
EncodeQuote = Callable[[Quote], str]
# The part of a quote whose change is worth a message; None: every quote is.
Facts = Callable[[Quote], Hashable]


class EncodedQuote:
    """A quote in one dialect: as a packet, a frame and, on demand, a compressed frame."""

    __slots__ = ("_deflated", "framed", "packet", "quote")

    def __init__(self, quote: Quote, dialect: EncodeQuote) -> None:
        self.quote = quote
        self.packet = dialect(quote)
        self.framed = text_frame(self.packet.encode())
        self._deflated = b""

    @property
    def deflated(self) -> bytes:
        """The compressed frame."""
        if not self._deflated:
            self._deflated = deflated_frame(self.packet.encode())
        return self._deflated


class Batch:
    """Several quotes that are sent in one write, in the order of their numbers."""

    __slots__ = ("_deflated", "_encoded", "framed", "symbols")

    def __init__(self, encoded: Sequence[EncodedQuote]) -> None:
        self._encoded = encoded
        self.symbols = [message.quote.symbol for message in encoded]
        self.framed = b"".join([message.framed for message in encoded])
        self._deflated = b""

    @property
    def packets(self) -> list[str | bytes]:
        """One text message for each quote."""
        return [message.packet for message in self._encoded]

    @property
    def deflated(self) -> bytes:
        """All messages as compressed frames."""
        if not self._deflated:
            self._deflated = b"".join([message.deflated for message in self._encoded])
        return self._deflated


class FactsRun(NamedTuple):
    """The facts sent last to all subscribers, and the number of the first quote that had them."""

    facts: Hashable
    since: int


class BatchEncoder:
    """Makes batches in one dialect and caches the last encoded quote of each symbol."""

    def __init__(self, dialect: EncodeQuote, facts: Facts | None = None) -> None:
        self._dialect = dialect
        self.facts = facts
        self._encoded: dict[str, EncodedQuote] = {}
        self._runs: dict[str, FactsRun] = {}

    def is_repeated(self, quote: Quote, before: int) -> bool:
        """Whether a quote has the same facts as quote number `before`, and no other facts were sent
        in between.
        """
        if self.facts is None:
            return False
        run = self._runs.get(quote.symbol)
        if run is None or run.facts is None or run.since > before:
            return False
        return self.facts(quote) == run.facts

    def batch(self, quotes: Sequence[Quote]) -> Batch:
        """A batch of these quotes; each quote is encoded once, however often it is asked for."""
        return Batch([self._encode(quote) for quote in quotes])

    def forget(self, symbol: str) -> None:
        """Drop the cached state of a symbol."""
        self._encoded.pop(symbol, None)
        self._runs.pop(symbol, None)

    def _encode(self, quote: Quote) -> EncodedQuote:
        encoded = self._encoded.get(quote.symbol)
        if encoded is None or encoded.quote is not quote:
            encoded = EncodedQuote(quote, self._dialect)
            self._note_facts(quote)
            held = self._encoded.get(quote.symbol)
            if held is None or held.quote.seq < quote.seq:
                self._encoded[quote.symbol] = encoded
        return encoded

    def _note_facts(self, quote: Quote) -> None:
        if self.facts is None:
            return
        facts, run = self.facts(quote), self._runs.get(quote.symbol)
        if run is None or run.facts != facts:
            self._runs[quote.symbol] = FactsRun(facts, quote.seq)


class DirectSink(Protocol):
    """A connection that accepts encoded frames."""

    def try_send(self, frames: bytes) -> bool:
        """Write the frames unless older bytes are queued; whether they were accepted."""


class StateSink(Protocol):
    """The receiving end of a client's state."""

    def try_send(self, state: Batch, *, asked: bool = False) -> bool:
        """Send the state if the client can accept it now; else the `on_ready` callback follows."""

    def direct(self) -> DirectSink | None:
        """The connection to write plain frames to, where `try_send` would do nothing else."""

    def on_ready(self, ready_callback: Callable[[], None]) -> None:
        """Call `ready_callback` whenever the client can accept state after it could not."""


# Shared by all subscribers with nothing pending: a set each would cost a cache miss each.
NOTHING: frozenset[str] = frozenset()


class Subscriber:
    """One client's subscription, with the symbols whose newest quote is still pending."""

    __slots__ = ("direct", "encoder", "flushed", "group", "pending", "sink", "symbols", "tier")

    def __init__(self, sink: StateSink, encoder: BatchEncoder) -> None:
        self.sink = sink
        self.direct = sink.direct()
        self.encoder = encoder
        self.symbols = NOTHING
        self.pending = NOTHING
        self.tier: RateTier | None = None
        self.group: Group | None = None
        self.flushed = 0


class Group:
    """Subscribers of one dialect with the same symbols: they get the same bytes."""

    __slots__ = ("encoder", "members", "symbols")

    def __init__(self, encoder: BatchEncoder, symbols: frozenset[str]) -> None:
        self.encoder = encoder
        self.symbols = symbols
        self.members: dict[Subscriber, None] = {}


class SentQuote(NamedTuple):
    """The last quote sent of a symbol: when (monotonic), in which flush, after which number."""

    quote: Quote
    at: float
    flush: int
    before: int = 0


class FlushRecord(NamedTuple):
    """The highest number known at a flush: a client with a higher one has all of that flush."""

    top: int
    flush: int
    at: float


class RateTier:
    """Conflation for one window: the newest quote of each symbol waits until it may be sent.

    The first change after silence may be sent at once, then one per window. Not thread-safe.
    """

    def __init__(self, window: float, epoch: str, is_alike: IsAlike) -> None:
        self.window = window
        self.epoch = epoch
        # When each changed symbol may be sent.
        self.waiting: dict[str, float] = {}
        self.sent: dict[str, SentQuote] = {}
        self.conflated = 0
        self.size = 0
        # Whether a symbol got its first subscriber or lost its last one since somebody looked.
        self.demand_changed = False
        self._is_alike = is_alike
        self._next_send_at: dict[str, float] = {}
        # When each waiting symbol first changed, those that changed again, and how often in a row
        # each symbol changed only once and waited long.
        self._changed_at: dict[str, float] = {}
        self._changed_again: set[str] = set()
        self._late_in_a_row: dict[str, int] = {}
        # How many windows each symbol has gained.
        self._gained: dict[str, float] = {}
        self._groups: dict[tuple[BatchEncoder, frozenset[str]], Group] = {}
        self._by_symbol: dict[str, dict[Group, None]] = {}
        self._top = 0
        self._flush = 0
        self._records: deque[FlushRecord] = deque([FlushRecord(0, 0, -math.inf)], maxlen=_RECORDS)

    # Quotes

    def note(self, quote: Quote, now: float) -> float | None:
        """Queue a changed quote if it has subscribers; when it is due, if that is a new time."""
        symbol = quote.symbol
        self._top = max(self._top, quote.seq)
        if symbol not in self._by_symbol:
            # Nobody subscribes; for clients that resume later it counts as sent by the next flush.
            self.sent[symbol] = SentQuote(quote, now, self._flush + 1)
            return None
        due_at, held = self._next_send_at.get(symbol, 0.0), self.waiting.get(symbol)
        if held is not None and held <= due_at:
            self.conflated += 1
            self._changed_again.add(symbol)
            return None
        sent = self.sent.get(symbol)
        if sent is not None and self._is_alike(quote, sent.quote):
            due_at = max(due_at, sent.at + _ALIKE_INTERVAL)
        if held is not None and held <= due_at:
            self.conflated += 1
            return None
        self.waiting[symbol] = due_at
        self._changed_at[symbol] = now
        return due_at

    def next_flush(self, now: float) -> float:
        """When the next flush is due; infinite if nothing waits."""
        if not self.waiting:
            return math.inf
        due_times = self.waiting.values()
        first = min(due_times)
        if first <= now:
            return first
        return max(due_at for due_at in due_times if due_at <= first + self.window * _GATHER)

    def next_send_at(self, symbols: Iterable[str]) -> float:
        """When the first of these symbols may be sent again; infinite if none was sent."""
        times = (self._next_send_at.get(symbol, math.inf) for symbol in symbols)
        return min(times, default=math.inf)

    def take_due(self, now: float, known: dict[str, Quote], flush: int) -> list[Quote]:
        """The due quotes, by number; they count as sent by this flush."""
        due = {symbol: due_at for symbol, due_at in self.waiting.items() if due_at <= now}
        # A late flush does not delay its symbols' next one, unless it is very late.
        late = now - self.window / 2
        scheduled = max((due_at for due_at in due.values() if due_at >= late), default=now)
        for symbol, due_at in due.items():
            del self.waiting[symbol]
            sent_at = scheduled if due_at >= late else now
            self._next_send_at[symbol] = sent_at + self._next_interval(symbol, now)
        quotes = sorted([known[symbol] for symbol in due if symbol in known], key=_number)
        for quote in quotes:
            last = self.sent.get(quote.symbol)
            before = last.quote.seq if last is not None else 0
            self.sent[quote.symbol] = SentQuote(quote, now, flush, before)
        if quotes:
            self._flush = flush
            self._record(now)
        return quotes

    def _next_interval(self, symbol: str, now: float) -> float:
        """The time until the symbol may be sent again: a window.

        A source as fast as the tier may change just after each flush, time and again, and each
        value would wait for almost a window. Then the interval is shortened until they coincide.
        """
        waits_long = now - self._changed_at.pop(symbol, now) > self.window * _LONG_WAIT
        is_late = waits_long and symbol not in self._changed_again
        self._changed_again.discard(symbol)
        self._late_in_a_row[symbol] = self._late_in_a_row.get(symbol, 0) + 1 if is_late else 0
        if self._late_in_a_row[symbol] <= _IN_A_ROW and not self._gained.get(symbol):
            return self.window
        return self.window * self._interval_factor(symbol)

    def _interval_factor(self, symbol: str) -> float:
        """The share of a window that a symbol waits which is, or recently was, out of step."""
        gained = max(0.0, self._gained.get(symbol, 0.0) - _FORGIVEN)
        is_late = self._late_in_a_row[symbol] > _IN_A_ROW
        shortens = is_late and gained <= _MAX_GAIN + _SHORTENED - 1.0
        self._gained[symbol] = gained + 1.0 - _SHORTENED if shortens else gained
        return _SHORTENED if shortens else 1.0

    def flush_now(self) -> None:
        """Make everything that waits due now."""
        self._next_send_at.clear()
        self.waiting = dict.fromkeys(self.waiting, 0.0)

    def forget(self, symbol: str) -> None:
        """Drop the state of a symbol."""
        self.waiting.pop(symbol, None)
        self.sent.pop(symbol, None)
        self._next_send_at.pop(symbol, None)
        self._changed_at.pop(symbol, None)
        self._changed_again.discard(symbol)
        self._late_in_a_row.pop(symbol, None)
        self._gained.pop(symbol, None)

    # Subscribers

    def quotes_by_group(self, quotes: Collection[Quote]) -> dict[Group, list[Quote]]:
        """The groups that subscribe to any of these, each with its quotes."""
        by_group: dict[Group, list[Quote]] = {}
        for quote in quotes:
            for group in self._by_symbol.get(quote.symbol, ()):
                by_group.setdefault(group, []).append(quote)
        return by_group

    def subscribers_of(self, symbols: set[str]) -> list[Subscriber]:
        """The subscribers of any of these symbols."""
        groups = [group for group in self._groups.values() if group.symbols & symbols]
        return [subscriber for group in groups for subscriber in group.members]

    def is_watched(self, symbol: str) -> bool:
        """Whether the symbol has a subscriber; from any thread."""
        return any(symbol in group.symbols for group in tuple(self._groups.values()))

    def watched(self) -> set[str]:
        """The symbols that have a subscriber."""
        return set(self._by_symbol)

    def set_symbols(self, subscriber: Subscriber, symbols: frozenset[str]) -> None:
        """Set the subscriber's symbols; with none it leaves the tier."""
        self._remove(subscriber)
        subscriber.symbols = symbols
        if not symbols:
            return
        key = (subscriber.encoder, symbols)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(*key)
            for symbol in symbols:
                if symbol not in self._by_symbol:
                    self.demand_changed = True
                self._by_symbol.setdefault(symbol, {})[group] = None
        group.members[subscriber] = None
        subscriber.tier, subscriber.group = self, group
        self.size += 1

    def _remove(self, subscriber: Subscriber) -> None:
        group, subscriber.group = subscriber.group, None
        if group is None:
            return
        del group.members[subscriber]
        self.size -= 1
        if group.members:
            return
        del self._groups[group.encoder, group.symbols]
        for symbol in group.symbols:
            del self._by_symbol[symbol][group]
            if not self._by_symbol[symbol]:
                del self._by_symbol[symbol]
                self.demand_changed = True

    # Resuming

    def missing_since(self, seq: int, known: dict[str, Quote]) -> Callable[[str], bool] | None:
        """Whether a client whose highest number is `seq` may lack a symbol's newest quote.

        None where the records do not reach back that far. A quote sent in the same quarter of a
        second may count as missing although the client has it.
        """
        index = bisect_left(self._records, seq, key=itemgetter(0))
        if index == 0:
            return None
        flush = self._records[index - 1].flush

        def is_missing(symbol: str) -> bool:
            sent = self.sent.get(symbol)
            was_sent_later = sent is not None and sent.flush > flush
            return known[symbol].seq > seq or symbol in self.waiting or was_sent_later

        return is_missing

    def _record(self, now: float) -> None:
        last = self._records[-1]
        if self._top > last.top and now - last.at >= _RECORD_EVERY:
            self._records.append(FlushRecord(self._top, self._flush, now))


def _number(quote: Quote) -> int:
    return quote.seq
