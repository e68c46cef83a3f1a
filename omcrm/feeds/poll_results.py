"""What the last call for each symbol brought from a polled source."""

from collections.abc import Collection, Iterable

from msgspec import Struct

from omcrm.market.feed_event import FeedProblem

# A failure of one call is not told to the consolidator; one that lasts longer is.
_PASSING = 60.0


def is_lasting(since: float, now: float, wait: float) -> bool:
    """Whether what fails `since` then will have failed for more than a minute at its next call,
    which comes `wait` seconds from now; all in seconds."""
    return (now - since) + wait > _PASSING


class MissingPrice(Struct, frozen=True):
    """Why a symbol has no price, since when, and whether that lasts."""

    problem: FeedProblem
    since: float
    is_lasting: bool


class PollResults:
    """By symbol (ours): the last answer had its price, or had none because of a problem."""

    def __init__(self) -> None:
        self._priced: set[str] = set()
        self._missing: dict[str, MissingPrice] = {}

    @property
    def unserved(self) -> frozenset[str]:
        """The symbols that have had no price for so long that the source does not serve them."""
        return frozenset(symbol for symbol, item in self._missing.items() if item.is_lasting)

    def keep(self, symbols: Collection[str]) -> None:
        """Forget all other symbols."""
        self._priced.intersection_update(symbols)
        for symbol in self._missing.keys() - symbols:
            self._missing.pop(symbol, None)

    def note_prices(self, symbols: Iterable[str]) -> None:
        """Note that an answer had the prices of these."""
        for symbol in symbols:
            self._priced.add(symbol)
            self._missing.pop(symbol, None)

    def note_missing(self, symbol: str, problem: FeedProblem, now: float, wait: float) -> bool:
        """Note that an answer had no price of this one, which is next asked for in `wait` seconds;
        whether the problem is a new one."""
        before = self._missing.get(symbol)
        since = now if before is None else before.since
        self._priced.discard(symbol)
        self._missing[symbol] = MissingPrice(problem, since, is_lasting(since, now, wait))
        return before is None or before.problem != problem

    def has_price(self, symbol: str) -> bool:
        """Whether the last answer had its price."""
        return symbol in self._priced

    def problem(self, symbols: Iterable[str]) -> FeedProblem | None:
        """Why the first of these that has no price has none."""
        missing = (self._missing.get(symbol) for symbol in symbols)
        return next((item.problem for item in missing if item is not None), None)
