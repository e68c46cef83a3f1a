"""Compares the live sources of one symbol: which of them are not believed, which diverge."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import combinations

from msgspec import Struct

from omcrm.market.source_quote import SourceQuote

# Sources agree where they are within this part of the bound; what comes after decides who moved.
_AGREEMENT = Decimal("0.2")
# A price stands still that has so many trades for so long, while another source's moves so often.
_UNMOVED_TRADES, _UNMOVED_FOR, _MOVES = 10, timedelta(seconds=10), 4
# One symbol may well stand still; so many of a source's at once, and all that trade, do not.
_FROZEN_SYMBOLS = 3
# The usual divergence is known after so many reviews; each has this weight.
_KNOWN_AFTER, _WEIGHT = 60, 0.02
# So many times the usual divergence, and this part of the bound, is a divergence worth telling;
# it has to last, and ends below half of that.
_FAR_BEYOND, _LEAST, _LASTING = 6.0, 0.1, timedelta(seconds=2)
# Two sources that were apart from the start have no right to it.
_MOST_USUAL = 0.05


class DisputeRule(StrEnum):
    """What decides a dispute."""

    UNDECIDED = "undecided"
    MAJORITY = "majority"
    FROZEN = "frozen"


class Dispute(Struct, frozen=True):
    """The sources that are not live, the rule that decided, and the last prices of all."""

    contradicted: frozenset[str]
    rule: DisputeRule
    prices: tuple[tuple[str, Decimal], ...]


class Divergence(Struct, frozen=True):
    """Two live sources that are far beyond their usual divergence apart, as fractions."""

    one: str
    other: str
    apart: float
    usual: float
    prices: tuple[tuple[str, Decimal], ...]

    def apart_from(self, source: str) -> float | None:
        """How far the other one is from this source; None where it is neither."""
        return round(self.apart, 4) if source in (self.one, self.other) else None


class Contradiction(Struct, frozen=True):
    """Live sources of a symbol begin to contradict each other, or to diverge, or another rule
    decides; None once that has ended. `active` is the active source.

    One ends `by_agreement`, or because fewer than two of the sources are live."""

    at: datetime
    symbol: str
    active: str
    is_dispute: bool
    between: Dispute | Divergence | None
    by_agreement: bool = True


class _Course(Struct):
    """How a source's price goes: its trades since it last moved, and when it moved, newest last."""

    price: Decimal
    trade_number: int
    moved_at: datetime
    trades: int = 0
    moves: tuple[datetime, ...] = ()

    def has_moved_since(self, moment: datetime) -> bool:
        """Whether it moved so often since then that it is no single jump."""
        return len(self.moves) == _MOVES and self.moves[0] > moment


class _Pair(Struct):
    """The usual divergence of two sources, and since when it is exceeded."""

    usual: float = 0.0
    count: int = 0
    exceeded_since: datetime | None = None


class Comparison:
    """Compares the live sources of one symbol at every review. Not thread-safe.

    `unmoved` are those whose price stands still while that of another one moves, `moving` those
    whose price has moved of late.
    """

    def __init__(self) -> None:
        self.unmoved: frozenset[str] = frozenset()
        self.moving: frozenset[str] = frozenset()
        self._agreed_at: datetime | None = None
        self._courses: dict[str, _Course] = {}
        self._pairs: dict[tuple[str, str], _Pair] = {}

    def note(
        self, live: Mapping[str, SourceQuote], max_divergence: Decimal, now: datetime
    ) -> Divergence | None:
        """Take the present prices in; the largest lasting divergence, None where all is usual."""
        prices = _prices(live)
        self._note_courses(live, prices, now)
        if len(prices) > 1 and not any(
            _are_apart(one, other, max_divergence * _AGREEMENT)
            for one, other in combinations(prices.values(), 2)
        ):
            self._agreed_at = now
        diverging = (
            self._note_pair(one, other, prices, float(max_divergence), now)
            for one, other in combinations(sorted(prices), 2)
        )
        return max(
            (divergence for divergence in diverging if divergence is not None),
            key=lambda divergence: divergence.apart,
            default=None,
        )

    def dispute(
        self,
        live: Mapping[str, SourceQuote],
        max_divergence: Decimal,
        frozen: Collection[str] = frozenset(),
    ) -> Dispute | None:
        """The dispute between live sources; None where all are within the bound (a fraction).

        Most of three or more decide. Of others, those that are `frozen` with all their symbols are
        wrong, if the rest moved since all agreed; else none is live.
        """
        prices = _prices(live)
        agreeing = {
            name: frozenset(
                other for other in prices if not _are_apart(price, prices[other], max_divergence)
            )
            for name, price in prices.items()
        }
        trusted = {name for name, group in agreeing.items() if 2 * len(group) > len(prices)}
        if len(trusted) == len(prices):
            return None
        if trusted:
            return _decided(DisputeRule.MAJORITY, trusted, prices)
        moving = prices.keys() - (self.unmoved & frozenset(frozen))
        if 0 < len(moving) < len(prices) and all(
            self._has_moved(name) and moving <= agreeing[name] for name in moving
        ):
            return _decided(DisputeRule.FROZEN, moving, prices)
        return _decided(DisputeRule.UNDECIDED, set(), prices)

    def _note_courses(
        self, live: Mapping[str, SourceQuote], prices: Mapping[str, Decimal], now: datetime
    ) -> None:
        for name, price in prices.items():
            number = live[name].trade_number
            course = self._courses.get(name)
            if course is None:
                self._courses[name] = _Course(price, number, now)
            elif price != course.price:
                moves = (*course.moves, now)[-_MOVES:]
                self._courses[name] = _Course(price, number, now, moves=moves)
            else:
                course.trades += number - course.trade_number
                course.trade_number = number
        self.moving = frozenset(
            name for name in prices if now - self._courses[name].moved_at < _UNMOVED_FOR
        )
        self.unmoved = frozenset(
            name for name in prices.keys() - self.moving if self._stands_still(name)
        )

    def _stands_still(self, name: str) -> bool:
        course = self._courses[name]
        return course.trades >= _UNMOVED_TRADES and any(
            self._courses[other].has_moved_since(course.moved_at) for other in self.moving
        )

    def _has_moved(self, name: str) -> bool:
        course = self._courses.get(name)
        return (
            course is not None
            and self._agreed_at is not None
            and course.has_moved_since(self._agreed_at)
        )

    def _note_pair(
        self, one: str, other: str, prices: Mapping[str, Decimal], bound: float, now: datetime
    ) -> Divergence | None:
        pair = self._pairs.setdefault((one, other), _Pair())
        low, high = sorted((float(prices[one]), float(prices[other])))
        apart = (high - low) / low
        usual = min(pair.usual, _MOST_USUAL * bound)
        usual_most = max(_FAR_BEYOND * usual, _LEAST * bound)
        if pair.count < _KNOWN_AFTER or apart <= usual_most / 2:
            pair.exceeded_since = None
        elif apart > usual_most:
            pair.exceeded_since = pair.exceeded_since or now
        if pair.exceeded_since is None:
            # What is exceeded is not usual.
            pair.count += 1
            pair.usual += (apart - pair.usual) * max(_WEIGHT, 1 / pair.count)
            return None
        if now - pair.exceeded_since < _LASTING:
            return None
        both = ((one, prices[one]), (other, prices[other]))
        return Divergence(one, other, apart, pair.usual, both)


def frozen_sources(comparisons: Iterable[Comparison]) -> frozenset[str]:
    """The sources that stand still with all of their symbols that trade, while others move."""
    counts: Counter[str] = Counter()
    moving: set[str] = set()
    for comparison in comparisons:
        counts.update(comparison.unmoved)
        moving.update(comparison.moving)
    return frozenset(
        name for name, count in counts.items() if count >= _FROZEN_SYMBOLS and name not in moving
    )


def _are_apart(one: Decimal, other: Decimal, most: Decimal) -> bool:
    """Whether two prices are further apart than `most`, a fraction of the lower one."""
    return abs(one - other) > min(one, other) * most


def _prices(live: Mapping[str, SourceQuote]) -> dict[str, Decimal]:
    return {name: held.trade.price for name, held in live.items() if held.trade is not None}


def _decided(
    rule: DisputeRule, trusted: frozenset[str] | set[str], prices: Mapping[str, Decimal]
) -> Dispute:
    return Dispute(frozenset(prices.keys() - trusted), rule, tuple(prices.items()))
