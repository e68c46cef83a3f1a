"""What a source says by its book contradicts others, though it trades too seldom to be live."""

from collections.abc import Iterator

import pytest

from omcrm.market.policy import LOOK_AHEAD
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from omcrm.market.tick import TopOfBook
from tests.market.whole_market import HEALTHY, LIVE, Market
from tests.values import BINANCE, KRAKEN, book

OKX = Source("okx", LIVE)


def around(price: float) -> TopOfBook:
    """A narrow book."""
    return book(f"{price - 0.01:.4f}", f"{price + 0.01:.4f}")


class Course:
    """Binance stands still at 100 and trades once a second; Kraken follows the market, with a book
    twice a second and a trade `every` so many seconds."""

    def __init__(self, market: Market, every: float) -> None:
        self.market, self.every = market, every
        market.set_health(HEALTHY, "kraken")

    def play(self, prices: list[float]) -> Iterator[tuple[float, float]]:
        """The market's price and the one that is shown as live, each half second."""
        for number, price in enumerate(prices):
            self.market.clock.pass_seconds(0.5)
            if number % 2 == 0:
                self.market.trade("100", BINANCE)
                self.market.apply(around(100), source=BINANCE)
            if number % (2 * self.every) == 0:
                self.market.trade(f"{price:.4f}", KRAKEN)
            self.market.apply(around(price), source=KRAKEN)
            self.market.review(LOOK_AHEAD)
            shown = self.market.cache.get("BTC")
            is_live = shown is not None and shown.price_class is PriceClass.LIVE
            yield price, float(shown.last) if is_live and shown else price


def wrong_for(course: Course, prices: list[float]) -> float:
    """The longest time, in seconds, in which a price is live that is 6 % or more off."""
    longest = lasts = 0.0
    for price, shown in course.play(prices):
        lasts = lasts + 0.5 if abs(shown - price) > 0.06 * price else 0.0
        longest = max(longest, lasts)
    return longest


@pytest.mark.parametrize("every", [1, 2, 3, 8, 60])
def test_a_source_that_stands_still_is_not_live_beside_a_jump(
    streaming: Market, every: int
) -> None:
    """The market jumps by 12 %: the other source's book has left it for 2 s."""
    prices = [100.0] * 20 + [112.0] * 100

    assert wrong_for(Course(streaming, every), prices) <= 3


@pytest.mark.parametrize("every", [2, 5, 10, 20, 60])
@pytest.mark.parametrize("a_second", [0.001, 0.003, 0.01, -0.003])
def test_a_source_that_stands_still_is_not_live_beside_a_drift(
    streaming: Market, every: int, a_second: float
) -> None:
    """However seldom the other one trades, its book says where the market is."""
    prices = [100 * (1 + a_second / 2) ** max(0, step - 20) for step in range(300)]

    assert wrong_for(Course(streaming, every), prices) <= 2


def test_a_source_without_a_trade_contradicts_by_its_book(streaming: Market) -> None:
    """Its first trade is yet to come."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100", BINANCE)
    streaming.apply(around(110), source=KRAKEN)
    streaming.review()

    assert ("binance", PriceClass.STALE) == streaming.shows()


def test_a_wide_book_contradicts_nobody(streaming: Market) -> None:
    """Its middle says little."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100", BINANCE)
    streaming.apply(book("108", "112"), source=KRAKEN)
    streaming.review()

    assert ("binance", LIVE) == streaming.shows()


def test_a_source_that_trades_far_outside_its_book_contradicts_nobody(streaming: Market) -> None:
    """Whether its trades or its book are right nobody knows; its trades agree with the others."""
    streaming.set_health(HEALTHY, "kraken")
    shown = []
    for _ in range(20):
        streaming.clock.pass_seconds(0.5)
        streaming.trade("100", BINANCE)
        streaming.apply(around(100), source=BINANCE)
        streaming.trade("100", KRAKEN)
        streaming.apply(around(93), source=KRAKEN)
        streaming.review()
        shown.append(streaming.shows())

    assert [("binance", LIVE)] * 20 == shown


def test_two_books_outvote_a_source_that_stands_still(streaming: Market) -> None:
    """Most of three decide; the one that is right is live."""
    for name in ("kraken", "okx"):
        streaming.set_health(HEALTHY, name)
    for _ in range(10):
        streaming.clock.pass_seconds(0.5)
        streaming.trade("100", BINANCE)
        streaming.trade("110", OKX)
        streaming.apply(around(110), source=KRAKEN)
        streaming.review()

    assert ("okx", LIVE) == streaming.shows()


def test_a_source_whose_own_trades_are_refused_is_stale(streaming: Market) -> None:
    """It has no book, and nobody else says anything: it trades 12 % away for two seconds."""
    streaming.trade("100", BINANCE)
    classes = []
    for _ in range(8):
        streaming.clock.pass_seconds(0.5)
        streaming.trade("112", BINANCE)
        streaming.review()
        classes.append(streaming.cache.get("BTC").price_class)

    assert [LIVE] * 3 == classes[:3]
    assert PriceClass.STALE is classes[-1]
