"""Feed latency: how late an upstream's ticks arrive, measured by the times they carry.

The transit of a tick is the time from its provider time to its receipt, by two clocks that differ.
What of it is a difference of clocks, and what is latency:

- Steps of this machine's clock are known (`OwnClock`) and taken off at once.
- On one connection ticks arrive in order, so the latency of a symbol grows by no more than the time
  between two of its ticks. Where the times of all symbols that tick go back further, and stay so,
  the upstream's clock was set back: that step is taken off as well, unless the ticks are those of
  before once more. A step of one symbol, or one that hides between two ticks, looks like latency.
- A transit below the usual one is none: there the upstream's clock is ahead, or was set forward. It
  becomes the usual one as soon as it lasts.
- A transit above the longest of a network cannot be told from latency on the way, however constant.
  So it counts as age, unless most sources share it: then this machine's clock is ahead.

A single tick changes nothing of all this.
"""

import math
from collections import deque
from datetime import datetime

from msgspec import Struct, field

from omcrm.feeds.source_clock import BACK, JITTER, LASTING, SetBack, SourceClock, UsualTransit
from omcrm.market.tick import TickParts, TickStamp

# So far before the usual transit a tick is from the future.
_AHEAD = 2.0
# A connection is behind after so many late ticks in a row, over so many seconds.
_BEHIND, _LATE_TICKS, _LATE_FOR = 2.0, 20, 5.0
# Where they go back in time the clock may have been set back, which a stall delays to be seen.
_LATE_BACK_FOR = 20.0
# An upstream's clock is right if its ticks seem to take no more, for so long.
_RIGHT, _RIGHT_FOR = 0.5, 60.0
# Times further away are of another day, or of a trade of long ago: they measure no latency.
_OF_ANOTHER_DAY = 3600.0
# After so long without a time the last measurement no longer holds.
_UNMEASURED = 5.0
# What is sent so long after a connection began is no answer to its subscriptions.
_ANSWERED = 5.0
# A symbol is late by itself after so many late ticks in a row, until one is on time, or so long.
_LATE_ALONE, _LATE_ALONE_FOR = 2, 60.0
# Where trades have no ids, one tick in so many seconds is remembered, and so many of them.
_REMEMBERED_EVERY, _REMEMBERED = 0.5, 300
_NEVER_SENT = (-math.inf, -math.inf)


class _Symbol(Struct):
    """What is known of one symbol on one connection.

    `firsts` is when each kind came first, until it is known to stream. `sent` is when its last two
    ticks that were not late were sent, on the scale of `now`. Its last tick with a time came at
    `timed_at`; `late_in_a_row` were late, by `late` seconds. `trade_id` is the highest one on time;
    without ids the times and prices of some ticks are `remembered`.
    """

    streams: bool = False
    firsts: dict[TickParts, float] = field(default_factory=dict)
    sent: tuple[float, float] = _NEVER_SENT
    is_on_time: bool = False
    late: float = 0.0
    late_in_a_row: int = 0
    timed_at: float = -math.inf
    trade_id: int | None = None
    remembered: deque[tuple[datetime | None, int | None]] = field(
        default_factory=lambda: deque(maxlen=_REMEMBERED)
    )
    remembered_at: float = -math.inf

    def note_on_time(self, stamp: TickStamp, sent_at: float, now: float) -> None:
        """Remember a tick of the stream that was not late."""
        self.sent = self.sent[1], sent_at
        if stamp.trade_id is not None:
            if self.trade_id is None or stamp.trade_id > self.trade_id:
                self.trade_id = stamp.trade_id
        elif self.trade_id is None and now - self.remembered_at >= _REMEMBERED_EVERY:
            self.remembered_at = now
            self.remembered.append((stamp.time, stamp.price_hash))

    def is_new(self, stamp: TickStamp) -> bool | None:
        """Whether a tick that goes back in time is new, and no repetition; None if unknown."""
        if self.trade_id is None:
            return (stamp.time, stamp.price_hash) not in self.remembered
        if stamp.trade_id is None or stamp.trade_id <= self.trade_id:
            return None
        return True


class FeedLatency:
    """Measures the latency of one connection's ticks, in the order in which they arrive.

    `now` is in seconds, as `OwnClock.read` gives it.
    """

    def __init__(self, source: SourceClock) -> None:
        self._source = source
        self._usual = UsualTransit()
        self._last = 0.0
        self._measured_at: float | None = None
        self._symbols: dict[str, _Symbol] = {}
        self._began_at = 0.0
        self._began_late: bool | None = None
        self._on_time = 0
        self._late_since: float | None = None
        self._late_count = 0
        self._set_back = SetBack()
        self._back_at = -math.inf
        self._right_since: float | None = None

    def measure(self, stamp: TickStamp, now: float) -> float:
        """How many seconds a tick is late, negative where it is from the future.

        A tick without a time has the latency of the last one that had a time, for it came over the
        same connection, or that of its own symbol if that is late by itself. After a gap without
        times it may be as old as the gap.
        """
        symbol = self._symbols.get(stamp.symbol)
        if symbol is None:
            if not self._symbols:
                self._began_at = now
            symbol = self._symbols[stamp.symbol] = _Symbol()
        if stamp.transit is None:
            late = self._unmeasured(symbol, now)
        else:
            late = self._measure(symbol, stamp, stamp.transit, now)
        if not symbol.streams:
            return self._late_as_first(symbol, stamp, late, now)
        self._source.streamed_at[stamp.symbol] = now - late if late > 0 else now
        return late

    def is_lasting(self, now: float) -> bool:
        """Whether the connection as a whole has fallen behind; one that began so has not.

        Where the last replacement did not help, the next one has to wait."""
        since = self._late_since
        if self._began_late and not self._source.may_replace(now):
            return False
        least = _LATE_FOR if now - self._back_at > LASTING else _LATE_BACK_FOR
        return since is not None and self._late_count >= _LATE_TICKS and now - since >= least

    def note_replacement(self, now: float) -> None:
        """Another connection replaces this one because it has fallen behind."""
        self._source.note_replacement(now, in_vain=bool(self._began_late))

    def offset(self, now: float) -> float | None:
        """By how many seconds the upstream's clock is behind this machine's, or its ticks were late
        when the connection began; negative where it is ahead, None until that is known."""
        offset = self._usual.at(now) + self._source.own.stepped + self._source.stepped
        return offset if math.isfinite(offset) else None

    def _measure(self, symbol: _Symbol, stamp: TickStamp, transit: float, now: float) -> float:
        """The latency in seconds: zero on time, negative from the future."""
        source, own = self._source, self._source.own
        if transit > _OF_ANOTHER_DAY or transit < -_OF_ANOTHER_DAY:
            return transit
        transit -= own.stepped + source.stepped
        usual = self._usual.note(transit, now)
        usual_before = source.usual.note(transit, now)
        late, grown = transit - min(usual_before, own.credit), transit - usual
        if self._began_late is None and usual < math.inf:
            self._began_late = usual - usual_before > JITTER
        symbol.timed_at = now
        if late > JITTER:
            symbol.late = late
            symbol.late_in_a_row += symbol.streams
        elif late >= -_AHEAD:
            symbol.late_in_a_row = 0
        if grown > JITTER:
            self._on_time, symbol.is_on_time = 0, False
            # One of the two may have been from the future.
            is_back = now - transit < min(symbol.sent) - BACK
            self._count_late(grown, now)
            if is_back:
                self._back_at = now
            self._note_step(symbol, stamp, transit, usual, now, is_back=is_back)
            if is_back:
                # Newer ticks were on time: the connection is not as late as this one.
                return late if late > JITTER else 0.0
        else:
            self._note_on_time(symbol, stamp, now - transit, now, is_ahead=grown < -_AHEAD)
            if late < -_AHEAD:
                return late
            if late > JITTER:
                self._check_clock(now)
        self._measured_at = now
        self._last = late if late > JITTER else 0.0
        return self._last

    def _note_on_time(
        self, symbol: _Symbol, stamp: TickStamp, sent_at: float, now: float, *, is_ahead: bool
    ) -> None:
        """Take a tick in that is not late: two in a row, of any symbols or of one, show that the
        connection is not late as a whole."""
        self._on_time += 1
        if self._on_time > 1 and symbol.streams:
            # A snapshot does not come in order with the stream.
            symbol.note_on_time(stamp, sent_at, now)
        if self._late_since is not None and (
            self._on_time > 1 or (symbol.is_on_time and not is_ahead)
        ):
            self._late_since = None
            self._set_back.end()
        symbol.is_on_time = not is_ahead

    def _note_step(
        self,
        symbol: _Symbol,
        stamp: TickStamp,
        transit: float,
        usual: float,
        now: float,
        *,
        is_back: bool,
    ) -> None:
        """Take a late tick in as evidence that the upstream's clock was set back."""
        set_back, is_new = self._set_back, symbol.is_new(stamp) if is_back else True
        if is_new is False:
            set_back.end()
        elif is_new is None:
            set_back.symbols.add(stamp.symbol)
        else:
            stepped_to = set_back.note(stamp.symbol, transit, now, is_back=is_back)
            if stepped_to is not None and self._are_all_back(now):
                set_back.end()
                self._source.stepped += stepped_to - usual
                self._late_since = None

    def _are_all_back(self, now: float) -> bool:
        """Whether all symbols with times of a moment ago have the same latency."""
        back = self._set_back.symbols
        return all(
            name in back or now - symbol.timed_at > _UNMEASURED
            for name, symbol in self._symbols.items()
        )

    def _check_clock(self, now: float) -> None:
        """Forget the usual transit of earlier connections if it was that of a clock ahead, and the
        clock of this one is right: latency that equals what it was ahead by is less likely."""
        offset, own_ahead = self.offset(now), self._source.own.ahead() or 0.0
        if offset is None or abs(offset - own_ahead) > _RIGHT:
            self._right_since = None
        elif self._right_since is None:
            self._right_since = now
        elif now - self._right_since >= _RIGHT_FOR:
            self._source.usual = UsualTransit()

    def _count_late(self, grown: float, now: float) -> None:
        if self._late_since is None:
            self._late_since, self._late_count = now, 0
        self._late_count += grown > _BEHIND

    def _unmeasured(self, symbol: _Symbol, now: float) -> float:
        if self._measured_at is None:
            self._measured_at = now
        since = now - self._measured_at
        late = max(self._last, since) if since > _UNMEASURED else self._last
        if symbol.late_in_a_row >= _LATE_ALONE and now - symbol.timed_at <= _LATE_ALONE_FOR:
            return max(late, symbol.late)
        return late

    def _late_as_first(self, symbol: _Symbol, stamp: TickStamp, late: float, now: float) -> float:
        """The latency of a tick before its symbol is known to stream on this connection.

        The first of a kind may be the answer to the subscription, a snapshot. It shows that the
        upstream answers, not that it streams, so it is no newer than what was streamed last."""
        first_at = symbol.firsts.setdefault(stamp.parts, now)
        sent_at = now - max(late, 0.0) if symbol.timed_at == now else -math.inf
        if now > first_at or sent_at - self._began_at >= _ANSWERED:
            symbol.streams = True
            symbol.firsts.clear()
            return late
        gap = now - self._source.streamed_at.get(stamp.symbol, now)
        return max(late, gap) if gap > JITTER and late >= 0 else late
