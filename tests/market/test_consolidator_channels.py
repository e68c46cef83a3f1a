"""A source whose channels contradict each other is not live."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from omcrm.market.tick import DayFigures, TopOfBook
from tests.market.whole_market import LIVE, Market


def wrong_moments(market: Market, send: Callable[[Market, int], None]) -> list[float]:
    """When in a minute a price of BTC was live that is more than five percent from the truth.

    That rises by 0.2 % a second, and `send` sends what comes each fifth of one.
    """
    wrong = []
    for step in range(300):
        send(market, step)
        if step % 5 in (0, 2):
            market.review()
        quote, truth = market.cache.get("BTC"), true_price(step)
        if quote.price_class is LIVE and abs(quote.last - truth) > Decimal("0.05") * truth:
            wrong.append(step / 5)
        market.clock.pass_seconds(0.2)
    return wrong


def true_price(step: int) -> Decimal:
    return 100 * (1 + Decimal("0.0004") * step)


def around(price: Decimal, spread: str = "0.0002") -> TopOfBook:
    return TopOfBook(price * (1 - Decimal(spread)), price * (1 + Decimal(spread)))


def frozen_beside_its_ticker(market: Market, step: int) -> None:
    market.trade("100")
    market.apply(around(Decimal(100)))
    if step % 5 == 0:
        market.apply(DayFigures(last=true_price(step)))


def frozen_without_a_book(market: Market, step: int) -> None:
    market.trade("100")
    if step % 5 == 0:
        market.apply(DayFigures(last=true_price(step)))


def frozen_beside_a_crossed_book(market: Market, step: int) -> None:
    market.trade("100")
    truth = true_price(step)
    market.apply(around(truth, "-0.0002"), DayFigures(last=truth))


def frozen_beside_a_wide_book(market: Market, step: int) -> None:
    market.trade("100")
    market.apply(around(true_price(step), "0.06"), DayFigures(last=true_price(step)))


def frozen_and_one_book_in_nine(market: Market, step: int) -> None:
    market.trade("100")
    market.apply(around(true_price(step) if step % 9 else Decimal(100)))


def nine_of_ten_trades(market: Market, step: int) -> None:
    market.apply(around(true_price(step)))
    market.trade(str(true_price(step) * (Decimal("1.08") if step > 20 and step % 10 else 1)))


def every_second_trade(market: Market, step: int) -> None:
    market.apply(around(true_price(step)))
    market.trade(str(true_price(step) * (Decimal("1.08") if step > 20 and step % 2 else 1)))


def one_far_trade(market: Market, step: int) -> None:
    market.apply(around(true_price(step)))
    market.trade(str(true_price(step) * (Decimal("1.06") if step == 100 else 1)))


@pytest.mark.parametrize(
    "send",
    [
        frozen_beside_its_ticker,
        frozen_without_a_book,
        frozen_beside_a_crossed_book,
        frozen_beside_a_wide_book,
        frozen_and_one_book_in_nine,
        nine_of_ten_trades,
        every_second_trade,
        one_far_trade,
    ],
)
def test_a_source_that_contradicts_itself_is_not_live(
    streaming: Market, send: Callable[[Market, int], None]
) -> None:
    """Whichever of its channels says so, and also where they agree for a moment now and then: at
    most three seconds in all."""
    assert len(wrong_moments(streaming, send)) <= 3 * 5
