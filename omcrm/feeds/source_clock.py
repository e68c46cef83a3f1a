"""A source's clock: the usual transit of its ticks, its steps, and how far it is off."""

import math
from collections import deque

from omcrm.feeds.own_clock import OwnClock
from omcrm.market.feed_event import FeedCode, FeedFigures, FeedProblem

MANY, LASTING = 5, 1.0
"""What changes a baseline is seen in so many ticks, over so many seconds."""
JITTER = 1.0
"""So many seconds more than the usual transit are jitter; they and the credit are what latency from
the very start can hide."""
BACK = 0.5
"""A symbol's times that go back by fewer seconds are out of order."""
# Fewer in a row are outliers.
_OUTLIERS = 3
# So many are enough to know their usual transit.
_ALIKE = 20

# One tick below the usual transit weighs as much as so many above it.
_WEIGHT = 3
_FALLS = MANY * _WEIGHT
_REMEMBERED = 20
# The usual transit rises by so much a second: no clock is slewed faster, and few drift so fast.
_RISE = 0.0005
# A clock is off from the first on, until it is off by less than the second.
_OFF, _RIGHT = 2.0, 1.5
# A figure that changes by less is not told anew.
_SAME = 0.5
# Where another connection is late as well, the next one is tried after so long; twice as long each
# further time, up to the second.
_REPLACED_AGAIN, _LONGEST_WAIT = 600.0, 3600.0


class UsualTransit:
    """The transit that most ticks exceed by little, in seconds; infinite until it is known."""

    def __init__(self) -> None:
        self._transit, self._noted_at = math.inf, 0.0
        # The last ticks below it; how far they outweigh those above it, and since when.
        self._below: deque[float] = deque(maxlen=_REMEMBERED)
        self._outweighs, self._since = 0, 0.0

    def at(self, now: float) -> float:
        """The usual transit now."""
        return self._transit + (now - self._noted_at) * _RISE

    def note(self, transit: float, now: float) -> float:
        """Take a tick's transit in; the usual one now."""
        usual = self._transit + (now - self._noted_at) * _RISE
        if transit >= usual:
            if self._outweighs:
                self._outweighs -= 1
            return usual
        if not self._outweighs:
            self._since = now
            self._below.clear()
        self._outweighs = min(self._outweighs + _WEIGHT, _FALLS)
        self._below.append(transit)
        if self._outweighs < _FALLS or now - self._since < LASTING:
            return usual
        # Not the longest, nor the shortest: a part of them may have wrong times.
        self._transit = sorted(self._below)[len(self._below) * 3 // 4]
        self._noted_at, self._outweighs = now, 0
        return self._transit


class SetBack:
    """Late ticks in a row with about the same transit: whether the clock was set back by that.

    Most of them, and many, must have gone back in time, and must come in order from there on: what
    goes back again and again is a repetition of old ticks. `symbols` have such ticks."""

    def __init__(self) -> None:
        self._transits: deque[float] = deque(maxlen=_ALIKE)
        self._since = self._sent = 0.0
        self._count = self._back_count = self._differing = 0
        self.symbols: set[str] = set()

    def note(self, symbol: str, transit: float, now: float, *, is_back: bool) -> float | None:
        """Take a late tick in; the usual transit of these ticks if the clock was set back."""
        difference = transit - self._transits[0] if self._transits else 0.0
        if abs(difference) > JITTER:
            # Latency that grows takes no tick back in time.
            self._differing = self._differing + 1 if is_back or difference < 0 else 0
            if self._count >= _OUTLIERS and self._differing < _OUTLIERS:
                # Latency that grows, or an outlier.
                return None
            self.end()
        elif now - transit < self._sent - BACK:
            self.end()
        if not self._count:
            self._since = now
        self._differing, self._sent = 0, now - transit
        self.symbols.add(symbol)
        self._transits.append(transit)
        self._count += 1
        self._back_count += is_back
        is_sure = self._back_count >= MANY and 2 * self._back_count > self._count
        if not is_sure or now - self._since < LASTING:
            return None
        return sorted(self._transits)[len(self._transits) // 4]

    def end(self) -> None:
        """Ticks were on time, or those of before once more."""
        self.symbols.clear()
        if self._count:
            self._count = self._back_count = self._differing = 0
            self._transits.clear()


class SourceClock:
    """What all connections of one source know together.

    `usual` is the usual transit without the steps of both clocks; `stepped` is by how many seconds
    the source's clock has been set back; `streamed_at` is when a connection last surely streamed
    each symbol; `problem` is what is wrong with one of the clocks.
    """

    def __init__(self, name: str, own: OwnClock) -> None:
        self.own = own
        self.usual = UsualTransit()
        self.stepped = 0.0
        self.streamed_at: dict[str, float] = {}
        self.problem: FeedProblem | None = None
        self._name = name
        self._wait, self._replace_again_at = 0.0, -math.inf

    def may_replace(self, now: float) -> bool:
        """Whether a connection that began late may be replaced because it is late."""
        return now >= self._replace_again_at

    def note_replacement(self, now: float, *, in_vain: bool) -> None:
        """A late connection is replaced, which did not help the time before if it is `in_vain`."""
        self._wait = min(2 * self._wait, _LONGEST_WAIT) if in_vain else 0.0
        self._wait = self._wait or _REPLACED_AGAIN
        self._replace_again_at = now + self._wait

    def compare(self, offset: float | None, now: float) -> None:
        """Compare it with this machine's clock, which it is behind by `offset` seconds."""
        usual = self.usual.at(now)
        if math.isfinite(usual):
            self.own.compare(self._name, usual)
        problem = None if offset is None else self._problem(offset)
        if problem is None or not _are_same(problem, self.problem):
            self.problem = problem

    def news(self, before: FeedProblem | None) -> FeedProblem | None:
        """The problem to tell of: one of another kind than `before`, once for all sources."""
        problem = self.problem
        if problem is None or (before is not None and before.code is problem.code):
            return None
        return problem if problem.code is FeedCode.CLOCK_OFF or self.own.tells() else None

    def _problem(self, offset: float) -> FeedProblem | None:
        own, least = self.own.ahead(), _RIGHT if self.problem else _OFF
        if own is not None and abs(own) >= least and abs(offset - own) < _RIGHT:
            return FeedProblem(FeedCode.OWN_CLOCK_OFF, FeedFigures(seconds=round(own, 1)))
        if abs(offset) >= least:
            return FeedProblem(FeedCode.CLOCK_OFF, FeedFigures(seconds=round(-offset, 1)))
        return None


def _are_same(one: FeedProblem, other: FeedProblem | None) -> bool:
    if other is None or one.code is not other.code:
        return False
    return abs((one.figures.seconds or 0.0) - (other.figures.seconds or 0.0)) < _SAME
