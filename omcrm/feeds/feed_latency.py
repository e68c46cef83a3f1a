"""Feed latency: how late an upstream's ticks arrive, measured by the times they carry.

The transit of a tick is the time from its provider time to its receipt, by two clocks that differ.
What of it is a difference of clocks, and what is latency:

- Steps of this machine's clock are known (`OwnClock`) and taken off at once.
- On one connection ticks arrive in order, so the latency of a symbol grows by no more than the time
  between two of its ticks. Where its times go back further, and stay so, the upstream's clock was
  set back: that step is taken off as well. A step that hides between two ticks looks like latency.
- A transit below the usual one is none: there the upstream's clock is ahead, or was set forward. It
  becomes the usual one as soon as it lasts.
- A transit above the longest of a network cannot be told from latency on the way, however constant.
  So it counts as age, unless most sources share it: then this machine's clock is ahead.

A single tick changes nothing of all this.
"""

import math
from collections import deque
from datetime import timedelta

from omcrm.feeds.source_clock import LASTING, MANY, SourceClock, UsualTransit
from omcrm.market.tick import TickKind

# So much more than the usual transit is jitter; this and the credit are what latency from the very
# start can hide.
_JITTER = 1.0
# So far before the usual transit a tick is from the future.
_AHEAD = 2.0
# A symbol's times that go back by less are out of order.
_BACK = 0.5
# Fewer in a row are outliers.
_OUTLIERS = 3
# So many are enough to know their usual transit.
_ALIKE = 20
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
_NEVER_SENT = (-math.inf, -math.inf)


class FeedLatency:
    """Measures the latency of one connection's ticks, in the order in which they arrive.

    `now` is in seconds, as `OwnClock.read` gives it.
    """

    def __init__(self, source: SourceClock) -> None:
        self._source = source
        self._usual = UsualTransit()
        self._last = 0.0
        self._measured_at: float | None = None
        # When each symbol's last two ticks that were not late were sent, on the scale of `now`.
        self._sent: dict[str, tuple[float, float]] = {}
        self._on_time = 0
        self._late_since: float | None = None
        self._late_count = 0
        self._set_back = _SetBack()
        self._back_at = -math.inf
        self._right_since: float | None = None
        self._streams = False
        self._firsts: set[TickKind] = set()

    def measure(self, kind: TickKind, transit: timedelta | None, now: float) -> float:
        """How many seconds a tick is late, negative where it is from the future.

        `transit` is from its provider time to its receipt. A tick without a time has the latency of
        the last one that had a time, for it came over the same connection. After a gap without
        times it may be as old as the gap.
        """
        if transit is None:
            late = self._unmeasured(now)
        else:
            late = self._measure(kind[0], transit.total_seconds(), now)
        if not self._streams:
            return self._late_as_first(kind, late, now)
        self._source.streamed_at = now
        return late

    def is_lasting(self, now: float) -> bool:
        """Whether the connection as a whole has fallen behind; one that began so has not."""
        since = self._late_since
        least = _LATE_FOR if now - self._back_at > LASTING else _LATE_BACK_FOR
        return since is not None and self._late_count >= _LATE_TICKS and now - since >= least

    def offset(self, now: float) -> float | None:
        """By how many seconds the upstream's clock is behind this machine's, or its ticks were late
        when the connection began; negative where it is ahead, None until that is known."""
        offset = self._usual.at(now) + self._source.own.stepped + self._source.stepped
        return offset if math.isfinite(offset) else None

    def _measure(self, symbol: str, transit: float, now: float) -> float:
        """The latency in seconds: zero on time, negative from the future."""
        source, own = self._source, self._source.own
        if transit > _OF_ANOTHER_DAY or transit < -_OF_ANOTHER_DAY:
            return transit
        transit -= own.stepped + source.stepped
        usual = self._usual.note(transit, now)
        late = transit - min(source.usual.note(transit, now), own.credit)
        grown, sent = transit - usual, self._sent.get(symbol, _NEVER_SENT)
        if grown > _JITTER:
            self._on_time = 0
            # One of the two may have been from the future.
            is_back = now - transit < min(sent) - _BACK
            self._count_late(grown, now)
            if is_back:
                self._back_at = now
            stepped_to = self._set_back.note(transit, now, is_back=is_back)
            if stepped_to is not None:
                source.stepped += stepped_to - usual
                self._late_since = None
            if is_back:
                # Newer ticks were on time: the connection is not as late as this one.
                return late if late > _JITTER else 0.0
        else:
            self._on_time += 1
            if self._on_time > 1:
                if self._streams:
                    # A snapshot does not come in order with the stream.
                    self._sent[symbol] = (sent[1], now - transit)
                if self._late_since is not None:
                    self._late_since = None
                    self._set_back.end()
            if late < -_AHEAD:
                return late
            if late > _JITTER:
                self._check_clock(now)
        self._measured_at = now
        self._last = late if late > _JITTER else 0.0
        return self._last

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

    def _unmeasured(self, now: float) -> float:
        if self._measured_at is None:
            self._measured_at = now
        since = now - self._measured_at
        return max(self._last, since) if since > _UNMEASURED else self._last

    def _late_as_first(self, kind: TickKind, late: float, now: float) -> float:
        """The latency of a tick before the connection is known to stream.

        The first of a kind may be the answer to the subscription, a snapshot. It shows that the
        upstream answers, not that it streams, so it is no newer than what was streamed last."""
        if kind in self._firsts:
            self._streams = True
            self._firsts.clear()
            return late
        self._firsts.add(kind)
        streamed_at = self._source.streamed_at
        gap = 0.0 if streamed_at is None else now - streamed_at
        return max(late, gap) if gap > _JITTER and late >= 0 else late


class _SetBack:
    """Late ticks in a row with about the same transit: whether the clock was set back by that.

    Most of them, and many, must have gone back in time, and must come in order from there on: what
    goes back again and again is a repetition of old ticks."""

    def __init__(self) -> None:
        self._transits: deque[float] = deque(maxlen=_ALIKE)
        self._since = self._sent = 0.0
        self._count = self._back_count = self._differing = 0

    def note(self, transit: float, now: float, *, is_back: bool) -> float | None:
        """Take a late tick in; the usual transit of these ticks if the clock was set back."""
        difference = transit - self._transits[0] if self._transits else 0.0
        if abs(difference) > _JITTER:
            # Latency that grows takes no tick back in time.
            self._differing = self._differing + 1 if is_back or difference < 0 else 0
            if self._count >= _OUTLIERS and self._differing < _OUTLIERS:
                # Latency that grows, or an outlier.
                return None
            self.end()
        elif now - transit < self._sent - _BACK:
            self.end()
        if not self._count:
            self._since = now
        self._differing, self._sent = 0, now - transit
        self._transits.append(transit)
        self._count += 1
        self._back_count += is_back
        is_sure = self._back_count >= MANY and 2 * self._back_count > self._count
        if not is_sure or now - self._since < LASTING:
            return None
        usual = sorted(self._transits)[len(self._transits) // 4]
        self.end()
        return usual

    def end(self) -> None:
        """Ticks were on time."""
        if self._count:
            self._count = self._back_count = self._differing = 0
            self._transits.clear()
