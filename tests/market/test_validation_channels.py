"""What is refused of a tick, and what the channels of its source say of each other."""

from decimal import Decimal

import pytest

from omcrm.market.tick import DayFigures, TopOfBook
from omcrm.market.validation import RejectReason, Validator
from tests.market.validated import POLICY, reason
from tests.values import KRAKEN, after, book, source_quote, tick, trade


def test_a_source_with_an_outlying_book_is_known_while_it_repeats_it(validator: Validator) -> None:
    """A book near the last price ends that, and so does silence."""
    held = source_quote(trade("100"))
    validator.validate(tick(book("149", "180"), at=after(1)), held, [], POLICY)
    validator.validate(tick(book("149", "180"), at=after(3)), held, [], POLICY)
    known = [validator.outliers.outlying("BTC", after(second)) for second in (4, 5)]
    validator.validate(tick(book("149", "180"), at=after(6)), held, [], POLICY)
    validator.validate(tick(book("99", "101"), at=after(6.1)), held, [], POLICY)

    assert [{"binance"}, set()] == known
    assert not validator.outliers.outlying("BTC", after(6.2))


@pytest.mark.parametrize("wrong", [book("149", "150"), book("101", "99")])
def test_day_figures_beside_a_wrong_book_are_used(validator: Validator, wrong: TopOfBook) -> None:
    """They may show that the price held is the wrong one."""
    held, day = source_quote(trade("100")), DayFigures(last=Decimal(150))
    rest = validator.validate(tick(wrong, day, at=after(1)), held, [], POLICY)

    assert tick(day, at=after(1)) == rest
    assert 1 == validator.rejected.total()


def test_a_lone_trade_far_outside_its_own_book_is_a_jump(validator: Validator) -> None:
    """Also where it is within the maximum deviation of the trade before; another source near it
    confirms it."""
    held = source_quote(trade("100"), book("99.9", "100.1"))
    far, other = tick(trade("106"), at=after(1)), source_quote(trade("105"), source=KRAKEN)

    assert RejectReason.JUMP == reason(validator, far, held)
    assert None is reason(Validator(), far, held, other)


def test_an_outlier_that_is_said_once_does_not_stand(validator: Validator) -> None:
    """Fills of one order come at once: they are one statement."""
    for at in (1.0, 1.4):
        validator.validate(tick(trade("150"), at=after(at)), source_quote(trade("100")), [], POLICY)

    assert [] == validator.outliers.lasting("BTC", after(9))
