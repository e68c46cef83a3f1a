"""Compares the live sources of one symbol: which of them are not believed, which diverge."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import combinations

from msgspec import Struct

from omcrm.market.source_quote import SourceQuote

# Sources agree where they are within this part of the bound; what comes after decides who moved.
_AGREEMENT = Decimal("0.2")
# A source is frozen that has so many trades at one price for so long, while another one moves.
_UNMOVED_TRADES, _UNMOVED_FOR, _MOVES = 10, timedelta(seconds=10), 4
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
    decides; None once that has ended. `active` is the active source."""

    at: datetime
    symbol: str
    active: str
    is_dispute: bool
    between: Dispute | Divergence | None


class _Course(Struct):
    """How a source's price went since all agreed: its trades, and the changes of its price."""

    price: Decimal
    trade_number: int
    trades: int = 0
    moves: int = 0


class _Pair(Struct):
    """The usual divergence of two sources, and since when it is exceeded."""

    usual: float = 0.0
    count: int = 0
    exceeded_since: datetime | None = None


class Comparison:
    """Compares the live sources of one symbol at every review. Not thread-safe."""

    def __init__(self) -> None:
        self._agreed_at: datetime | None = None
        self._courses: dict[str, _Course] = {}
        self._pairs: dict[tuple[str, str], _Pair] = {}

    def note(
        self, live: Mapping[str, SourceQuote], max_divergence: Decimal, now: datetime
    ) -> Divergence | None:
        """Take the present prices in; the largest lasting divergence, None where all is usual."""
        prices = _prices(live)
        self._note_courses(live, prices)
        if not any(
            _are_apart(one, other, max_divergence * _AGREEMENT)
            for one, other in combinations(prices.values(), 2)
        ):
            self._agreed_at = now
            for course in self._courses.values():
                course.trades = course.moves = 0
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
        self, live: Mapping[str, SourceQuote], max_divergence: Decimal, now: datetime
    ) -> Dispute | None:
        """The dispute between live sources; None where all are within the bound (a fraction).

        Most of three or more decide. Of others, those whose price stood still since all agreed,
        while that of the rest moved, are wrong; else none is live.
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
        frozen = {name for name in prices if self._is_frozen(name, now)}
        moving = prices.keys() - frozen
        if (
            frozen
            and moving
            and all(self._is_moving(name) and moving <= agreeing[name] for name in moving)
        ):
            return _decided(DisputeRule.FROZEN, moving, prices)
        return _decided(DisputeRule.UNDECIDED, set(), prices)

    def _note_courses(self, live: Mapping[str, SourceQuote], prices: Mapping[str, Decimal]) -> None:
        for name, price in prices.items():
            number = live[name].trade_number
            course = self._courses.get(name)
            if course is None:
                self._courses[name] = _Course(price, number)
                continue
            course.trades += number - course.trade_number
            course.moves += price != course.price
            course.price, course.trade_number = price, number

    def _is_frozen(self, name: str, now: datetime) -> bool:
        course = self._courses.get(name)
        return (
            course is not None
            and self._agreed_at is not None
            and now - self._agreed_at >= _UNMOVED_FOR
            and course.moves == 0
            and course.trades >= _UNMOVED_TRADES
        )

    def _is_moving(self, name: str) -> bool:
        course = self._courses.get(name)
        return course is not None and course.moves >= _MOVES

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


def _are_apart(one: Decimal, other: Decimal, most: Decimal) -> bool:
    """Whether two prices are further apart than `most`, a fraction of the lower one."""
    return abs(one - other) > min(one, other) * most


def _prices(live: Mapping[str, SourceQuote]) -> dict[str, Decimal]:
    return {name: held.trade.price for name, held in live.items() if held.trade is not None}


def _decided(
    rule: DisputeRule, trusted: frozenset[str] | set[str], prices: Mapping[str, Decimal]
) -> Dispute:
    return Dispute(frozenset(prices.keys() - trusted), rule, tuple(prices.items()))
