"""Those who are told at most once per window: what waits for them, and who they are."""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterable
from operator import itemgetter
from typing import NamedTuple, Protocol

from omcrm.market.quote import Quote
from omcrm.streaming.batch import Batch, BatchEncoder

# How long what is alike is kept to itself, in seconds.
_SIGN_OF_LIFE = 1.0
# How much of a window a symbol waits for others, so that they leave in one write.
_GATHER = 0.25
# What waits for so much of a window, so often in a row, is out of step with the lane, whose window
# is then so much of itself.
_BEATS, _IN_A_ROW, _CATCH_UP = 0.1, 3, 0.9
# A symbol may gain one window by that, as far as it can be out of step, and so much in each later.
_MOST_GAINED, _FORGIVEN = 1.0, 0.005
# Where a client may resume: one entry for so many seconds, and so many of them.
_RECORD_EVERY = 0.25
_RECORDS = 4096

IsAlike = Callable[[Quote, Quote], bool]


class DirectSink(Protocol):
    """A connection that takes frames as they are."""

    def try_send(self, frames: bytes) -> bool:
        """Write them, if nothing older waits; whether they were taken."""


class StateSink(Protocol):
    """Where a client's state goes."""

    def try_send(self, state: Batch, *, asked: bool = False) -> bool:
        """Send it, if the client can take it now; otherwise `on_ready` says when."""

    def direct(self) -> DirectSink | None:
        """What takes the plain frames of state at once, where that is all there is to do."""

    def on_ready(self, wants_state: Callable[[], None]) -> None:
        """Call `wants_state` whenever the client can take state after it could not."""


# One for all who are owed nothing: a set of its own would be a look into slow memory for each.
NOTHING: frozenset[str] = frozenset()


class Subscriber:
    """One client's wishes; what it has missed is owed to it."""

    __slots__ = ("direct", "encoder", "flushed", "group", "missed", "sink", "symbols", "tier")

    def __init__(self, sink: StateSink, encoder: BatchEncoder) -> None:
        self.sink = sink
        self.direct = sink.direct()
        self.encoder = encoder
        self.symbols = NOTHING
        self.missed = NOTHING
        self.tier: RateTier | None = None
        self.group: Group | None = None
        self.flushed = 0


class Group:
    """Clients of one dialect with the same symbols: they get the same bytes."""

    __slots__ = ("encoder", "members", "symbols")

    def __init__(self, encoder: BatchEncoder, symbols: frozenset[str]) -> None:
        self.encoder = encoder
        self.symbols = symbols
        self.members: dict[Subscriber, None] = {}


class SentQuote(NamedTuple):
    """What was told last of a symbol, when (monotonic seconds), in which flush, after which one."""

    quote: Quote
    at: float
    flush: int
    before: int = 0


class FlushRecord(NamedTuple):
    """The highest number known at a flush: whoever was told a higher one has all of that flush."""

    top: int
    flush: int
    at: float


class RateTier:
    """One window's worth of conflation: per symbol the newest value waits for its turn.

    The first change after silence may leave at once, then one per window. Not thread-safe.
    """

    def __init__(self, window: float, epoch: str, is_alike: IsAlike) -> None:
        self.window = window
        self.epoch = epoch
        # When each symbol that has changed may leave.
        self.waiting: dict[str, float] = {}
        self.told: dict[str, SentQuote] = {}
        self.skipped = 0
        self.size = 0
        self._is_alike = is_alike
        self._turns: dict[str, float] = {}
        # Of each symbol: when what waits first changed, whether it changed again, how often in a
        # row it changed once and had to wait for long.
        self._since: dict[str, float] = {}
        self._again: set[str] = set()
        self._beats: dict[str, int] = {}
        # How many windows each has gained.
        self._gained: dict[str, float] = {}
        self._groups: dict[tuple[BatchEncoder, frozenset[str]], Group] = {}
        self._by_symbol: dict[str, dict[Group, None]] = {}
        self._top = 0
        self._flush = 0
        self._records: deque[FlushRecord] = deque([FlushRecord(0, 0, -math.inf)], maxlen=_RECORDS)

    # What changes

    def note(self, quote: Quote, now: float) -> float | None:
        """Let a changed quote wait, if anybody watches it; its turn, where that is a new one."""
        symbol = quote.symbol
        self._top = max(self._top, quote.seq)
        if symbol not in self._by_symbol:
            # Nobody is there to be told; to whoever comes back it counts as told by the next flush.
            self.told[symbol] = SentQuote(quote, now, self._flush + 1)
            return None
        turn, held = self._turns.get(symbol, 0.0), self.waiting.get(symbol)
        if held is not None and held <= turn:
            self.skipped += 1
            self._again.add(symbol)
            return None
        told = self.told.get(symbol)
        if told is not None and self._is_alike(quote, told.quote):
            turn = max(turn, told.at + _SIGN_OF_LIFE)
        if held is not None and held <= turn:
            self.skipped += 1
            return None
        self.waiting[symbol] = turn
        self._since[symbol] = now
        return turn

    def next_flush(self, now: float) -> float:
        """When something must leave; infinite where nothing waits."""
        if not self.waiting:
            return math.inf
        turns = self.waiting.values()
        first = min(turns)
        if first <= now:
            return first
        return max(turn for turn in turns if turn <= first + self.window * _GATHER)

    def next_turn(self, symbols: Iterable[str]) -> float:
        """When the first of these symbols may leave again."""
        return min((self._turns.get(symbol, math.inf) for symbol in symbols), default=math.inf)

    def take_due(self, now: float, known: dict[str, Quote], flush: int) -> list[Quote]:
        """The quotes whose turn has come, by number; they count as told by this flush."""
        due = {symbol: turn for symbol, turn in self.waiting.items() if turn <= now}
        # A late flush does not slow its symbols down, as long as it is not very late.
        late = now - self.window / 2
        scheduled = max((turn for turn in due.values() if turn >= late), default=now)
        for symbol, turn in due.items():
            del self.waiting[symbol]
            self._turns[symbol] = (scheduled if turn >= late else now) + self._pace(symbol, now)
        quotes = sorted([known[symbol] for symbol in due if symbol in known], key=_number)
        for quote in quotes:
            before = self.told.get(quote.symbol)
            self.told[quote.symbol] = SentQuote(
                quote, now, flush, before.quote.seq if before else 0
            )
        if quotes:
            self._flush = flush
            self._record(now)
        return quotes

    def _pace(self, symbol: str, now: float) -> float:
        """The time until the symbol's next turn: a window.

        A source that beats as fast as the lane may beat just after it, time and again, and each
        value would wait for almost a window. Then the lane's beat comes earlier until they meet.
        """
        waited = now - self._since.pop(symbol, now)
        beats = waited > self.window * _BEATS and symbol not in self._again
        self._again.discard(symbol)
        self._beats[symbol] = self._beats.get(symbol, 0) + 1 if beats else 0
        if self._beats[symbol] <= _IN_A_ROW and not self._gained.get(symbol):
            return self.window
        return self.window * self._shortened(symbol)

    def _shortened(self, symbol: str) -> float:
        """How much of a window a symbol waits that is out of step, or was not long ago."""
        gained = max(0.0, self._gained.get(symbol, 0.0) - _FORGIVEN)
        shortens = self._beats[symbol] > _IN_A_ROW and gained <= _MOST_GAINED + _CATCH_UP - 1.0
        self._gained[symbol] = gained + 1.0 - _CATCH_UP if shortens else gained
        return _CATCH_UP if shortens else 1.0

    def flush_now(self) -> None:
        """Let everything that waits leave now."""
        self._turns.clear()
        self.waiting = dict.fromkeys(self.waiting, 0.0)

    def forget(self, symbol: str) -> None:
        """Drop what is held of a symbol."""
        self.waiting.pop(symbol, None)
        self.told.pop(symbol, None)
        self._turns.pop(symbol, None)
        self._since.pop(symbol, None)
        self._again.discard(symbol)
        self._beats.pop(symbol, None)
        self._gained.pop(symbol, None)

    # Who is told

    def concerned(self, quotes: Collection[Quote]) -> dict[Group, list[Quote]]:
        """The groups that watch any of these, each with what it gets."""
        found: dict[Group, list[Quote]] = {}
        for quote in quotes:
            for group in self._by_symbol.get(quote.symbol, ()):
                found.setdefault(group, []).append(quote)
        return found

    def watching(self, symbols: set[str]) -> list[Subscriber]:
        """Those who watch any of these."""
        groups = [group for group in self._groups.values() if group.symbols & symbols]
        return [subscriber for group in groups for subscriber in group.members]

    def is_watched(self, symbol: str) -> bool:
        """Whether anybody watches it; from any thread."""
        return any(symbol in group.symbols for group in tuple(self._groups.values()))

    def place(self, subscriber: Subscriber, symbols: frozenset[str]) -> None:
        """Let the subscriber watch exactly these symbols; none means that it leaves."""
        self._remove(subscriber)
        subscriber.symbols = symbols
        if not symbols:
            return
        key = (subscriber.encoder, symbols)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(*key)
            for symbol in symbols:
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

    # Resuming

    def missing_since(self, seq: int, known: dict[str, Quote]) -> Callable[[str], bool] | None:
        """Whether a client whose highest number is `seq` may lack a symbol's newest quote.

        None where nobody remembers that far back. What was told in the same quarter of a second may
        count as lacking though it is not.
        """
        index = bisect_left(self._records, seq, key=itemgetter(0))
        if index == 0:
            return None
        flush = self._records[index - 1].flush

        def is_missing(symbol: str) -> bool:
            told = self.told.get(symbol)
            return (
                known[symbol].seq > seq
                or symbol in self.waiting
                or (told is not None and told.flush > flush)
            )

        return is_missing

    def _record(self, now: float) -> None:
        last = self._records[-1]
        if self._top > last.top and now - last.at >= _RECORD_EVERY:
            self._records.append(FlushRecord(self._top, self._flush, now))


def _number(quote: Quote) -> int:
    return quote.seq
