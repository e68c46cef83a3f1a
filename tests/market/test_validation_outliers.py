"""Outliers: a price far from its reference price or from other sources needs a confirmation."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED, Source
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, TopOfBook, Trade
from omcrm.market.validation import RejectReason, Validator
from tests.market.validated import POLICY, reason
from tests.values import KRAKEN, after, book, source_quote, tick, trade

# Unconfirmed and confirmed prices


@pytest.mark.parametrize(
    "parts",
    [
        (trade("110.01"),),
        (trade("89.99"),),
        (book("89.99", "100"),),
        (book("100", "110.01"),),
        (trade("100"), book("89.99", "100")),
    ],
)
def test_an_unconfirmed_jump_is_rejected(
    validator: Validator, parts: tuple[Trade | TopOfBook, ...]
) -> None:
    """A price further from the last one than the maximum deviation is rejected."""
    assert RejectReason.JUMP == reason(
        validator, tick(*parts, at=after(1)), source_quote(trade("100"))
    )


@pytest.mark.parametrize(
    "parts", [(trade("110"),), (trade("90"),), (book("90", "110"),), (trade("100"),)]
)
def test_a_move_within_the_maximum_deviation_is_accepted(
    validator: Validator, parts: tuple[Trade | TopOfBook, ...]
) -> None:
    """A price at exactly the maximum deviation is accepted."""
    assert None is reason(validator, tick(*parts, at=after(1)), source_quote(trade("100")))


def test_a_stub_quote_is_rejected(validator: Validator) -> None:
    """A book with a spread wider than the policy allows is rejected, also as the first tick."""
    stub = book("1.00", "213.35")

    assert RejectReason.WIDE == reason(validator, tick(stub), source_quote(trade("213.30")))
    assert RejectReason.WIDE == reason(Validator(), tick(stub))


def test_a_trade_beside_a_stub_quote_is_accepted(validator: Validator) -> None:
    """Only the book is rejected."""
    last = trade("213.30")

    assert tick(last) == validator.validate(tick(last, book("1.00", "213.35")), None, (), POLICY)
    assert {RejectReason.WIDE: 1} == validator.rejected


def test_a_trade_beside_impossible_day_figures_is_accepted(validator: Validator) -> None:
    """Only the day figures are rejected."""
    last = trade("100")
    figures = DayFigures(high=Decimal(90), low=Decimal(95))

    assert tick(last) == validator.validate(tick(last, figures), None, (), POLICY)
    assert {RejectReason.HIGH_BELOW_LOW: 1} == validator.rejected


def test_a_late_book_is_rejected(validator: Validator) -> None:
    """A book older than the maximum age at its arrival is rejected."""
    late = structs.replace(tick(book("92", "92.1"), at=after(1)), late=timedelta(seconds=30))

    assert RejectReason.OLDER == reason(validator, late, source_quote(trade("100")))


@pytest.mark.parametrize("held", [None, source_quote(trade("100"))], ids=["first", "after a gap"])
def test_a_price_that_live_sources_contradict_is_accepted_and_said_to_be(
    validator: Validator, held: SourceQuote | None
) -> None:
    """A first price, or the first after the maximum age, far from a live source is disputed."""
    there = source_quote(trade("100"), source=KRAKEN, at=after(55))
    far, near = tick(trade("150"), at=after(60)), tick(trade("101"), at=after(60))

    assert far == validator.validate(far, held, [there], POLICY)
    assert validator.is_contradicted
    assert near == validator.validate(near, held, [there], POLICY)
    assert not validator.is_contradicted


def test_live_sources_contradict_an_asked_price(validator: Validator) -> None:
    """An asked price that every live source contradicts is rejected."""
    there = source_quote(trade("100"), source=KRAKEN)
    gecko = Source("coingecko", PriceClass.INDICATIVE)

    assert RejectReason.CONTRADICTED == reason(
        validator, tick(trade("150"), source=gecko), None, there
    )
    assert (("kraken", Decimal(100)),) == validator.quarantine[0].others


def test_two_outliers_that_agree_confirm_each_other(validator: Validator) -> None:
    """An outlier near a recent one of another source is accepted; one source alone is not."""
    held = source_quote(trade("100"))
    there = source_quote(trade("100"), source=KRAKEN)
    jump = tick(trade("151"), at=after(2), source=KRAKEN)

    assert None is validator.validate(tick(trade("150"), at=after(1)), held, [there], POLICY)
    assert None is validator.validate(tick(trade("152"), at=after(1)), held, [there], POLICY)
    assert jump == validator.validate(jump, there, [held], POLICY)


def test_small_steps_go_no_further_than_the_maximum_deviation(validator: Validator) -> None:
    """Alone, a source may move by the maximum deviation per maximum age, not per tick."""
    held = source_quote(trade("100"))
    first = tick(trade("100"), at=after(1))
    accepted = [
        validator.validate(first, None, [], POLICY),
        validator.validate(first, held, [], POLICY),
    ]
    near = source_quote(trade("109"), at=after(2))

    assert [first, first] == accepted
    assert RejectReason.JUMP == reason(validator, tick(trade("118"), at=after(3)), near)
    assert None is reason(validator, tick(trade("109.5"), at=after(4)), near)
    later = source_quote(trade("109"), at=after(11))
    assert None is reason(validator, tick(trade("118"), at=after(12)), later)


def test_small_steps_away_from_another_source_are_disputed(validator: Validator) -> None:
    """A price far from a live source is accepted where its step is small, and disputed."""
    held, there = source_quote(trade("104")), source_quote(trade("100"), source=KRAKEN)
    far, near = tick(trade("106"), at=after(1)), tick(trade("104.9"), at=after(1))

    assert far == validator.validate(far, held, [there], POLICY)
    assert validator.is_contradicted
    assert near == validator.validate(near, held, [there], POLICY)
    assert not validator.is_contradicted


def test_an_outlier_that_is_not_taken_back_stands(validator: Validator) -> None:
    """An outlier stands after 1.5 s, once; later ones near it do not put that off."""
    held = source_quote(trade("100"))
    first, second = (tick(trade(price), at=after(at)) for price, at in (("150", 1), ("151", 2)))
    validator.validate(first, held, [], POLICY)
    before = validator.outliers.lasting("BTC", after(2.4))
    validator.validate(second, held, [], POLICY)

    assert [] == before
    assert [second] == validator.outliers.lasting("BTC", after(2.5))
    assert [] == validator.outliers.lasting("BTC", after(9))


@pytest.mark.parametrize("part", [trade("100.1"), book("99", "101")])
def test_an_outlier_that_is_taken_back_does_not_stand(
    validator: Validator, part: Trade | TopOfBook
) -> None:
    """A trade or a book near the last price takes an outlier back."""
    held = source_quote(trade("100"))
    for at in (1, 1.8):
        validator.validate(tick(trade("150"), at=after(at)), held, [], POLICY)
    validator.validate(tick(part, at=after(2)), held, [], POLICY)

    assert [] == validator.outliers.lasting("BTC", after(9))


def test_a_book_far_from_the_trades_stands_beside_them(validator: Validator) -> None:
    """An outlying book is not taken back by trades, only by another book."""
    held, far = source_quote(trade("100")), tick(book("149", "150"), at=after(1))
    validator.validate(far, held, [], POLICY)
    validator.validate(tick(trade("100.1"), at=after(2)), held, [], POLICY)

    assert [far] == validator.outliers.lasting("BTC", after(2.5))


def test_an_outlier_that_was_taken_back_confirms_nothing(validator: Validator) -> None:
    """An outlier confirms no other source's once its source is back at the price before."""
    held, there = source_quote(trade("100")), source_quote(trade("100"), source=KRAKEN)
    validator.validate(tick(trade("150"), at=after(1)), held, [there], POLICY)
    validator.validate(tick(trade("100.1"), at=after(2)), held, [there], POLICY)
    jump = tick(trade("150"), at=after(3), source=KRAKEN)

    assert None is validator.validate(jump, there, [held], POLICY)


def test_a_simulated_outlier_confirms_nothing(validator: Validator) -> None:
    """A simulated outlier does not confirm a real one, nor a real one a simulated one."""
    held, simulated = source_quote(trade("100")), source_quote(trade("100"), source=SIMULATED)
    invented = tick(trade("150"), at=after(1), source=SIMULATED)
    spike = tick(trade("150"), at=after(2))

    assert None is validator.validate(invented, simulated, [held], POLICY)
    assert None is validator.validate(spike, held, [], POLICY)
    assert None is validator.validate(invented, simulated, [held], POLICY)


def test_an_old_outlier_confirms_nothing(validator: Validator) -> None:
    """An outlier older than the maximum age does not confirm another one."""
    there = source_quote(trade("100"), source=KRAKEN, at=after(11))
    validator.validate(tick(trade("150"), at=after(1)), source_quote(trade("100")), [], POLICY)
    jump = tick(trade("150"), at=after(12), source=KRAKEN)

    assert None is validator.validate(jump, there, [], POLICY)


def test_an_indicative_price_contradicts_nothing(validator: Validator) -> None:
    """A price far from a polled one is accepted."""
    close = source_quote(trade("100"), source=Source("alpha_vantage", PriceClass.INDICATIVE))
    opening = tick(trade("150"), at=after(1))

    assert opening == validator.validate(opening, None, [close], POLICY)


def test_one_source_that_agrees_confirms_a_jump(validator: Validator) -> None:
    """A jump near one other source is accepted, although a third source is far from it."""
    others = [
        source_quote(trade("100"), source=KRAKEN),
        source_quote(trade("151"), source=Source("coinbase", PriceClass.LIVE)),
    ]
    spike = tick(trade("150"), at=after(1))

    assert spike == validator.validate(spike, source_quote(trade("100")), others, POLICY)


def test_a_rejected_tick_has_the_prices_it_was_validated_against(validator: Validator) -> None:
    """A quarantined tick has its source's own last price and those of the other sources."""
    other = source_quote(trade("100.5"), source=KRAKEN)
    validator.validate(tick(trade("150"), at=after(1)), source_quote(trade("100")), [other], POLICY)
    (rejected,) = validator.quarantine

    assert (RejectReason.JUMP, Decimal(100), (("kraken", Decimal("100.5")),)) == (
        rejected.reason,
        rejected.held,
        rejected.others,
    )


def test_day_figures_are_no_jump(validator: Validator) -> None:
    """A day's high or low far from the last price is accepted."""
    day = tick(DayFigures(high=Decimal(200), low=Decimal(1)), at=after(1))

    assert None is reason(validator, day, source_quote(trade("100")))


def test_there_is_no_jump_without_a_trade(validator: Validator) -> None:
    """Without a trade of the source there is no reference price."""
    assert None is reason(validator, tick(trade("500"), at=after(3)), source_quote(book("9", "11")))


@pytest.mark.parametrize(("seconds", "why"), [(10, RejectReason.JUMP), (10.001, None)])
def test_an_old_reference_price_rejects_nothing(
    validator: Validator, seconds: float, why: RejectReason | None
) -> None:
    """A jump from a reference price older than the maximum age is accepted."""
    assert why == reason(
        validator, tick(trade("200"), at=after(seconds)), source_quote(trade("100"))
    )


def test_a_book_does_not_renew_the_reference_price(validator: Validator) -> None:
    """Only a trade makes the reference price fresh again."""
    held = SourceQuote.merge(tick(book("99", "101"), at=after(8)), source_quote(trade("100")))

    assert None is reason(validator, tick(trade("200"), at=after(11)), held)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (source_quote(trade("205"), source=KRAKEN, at=after(1)), None),
        (source_quote(trade("205"), source=Source("late", PriceClass.DELAYED), at=after(1)), None),
        (source_quote(trade("100"), source=KRAKEN, at=after(1)), RejectReason.JUMP),
        (source_quote(trade("205"), source=KRAKEN, at=after(-10)), RejectReason.JUMP),
        (source_quote(book("204", "206"), source=KRAKEN, at=after(1)), RejectReason.JUMP),
        (source_quote(trade("205"), source=SIMULATED, at=after(1)), RejectReason.JUMP),
        (source_quote(trade("205"), source=LAST_RESORT, at=after(1)), RejectReason.JUMP),
    ],
    ids=["confirmed", "delayed", "contradicted", "old", "no trade", "simulated", "last resort"],
)
def test_a_second_real_source_confirms_a_jump(
    validator: Validator, second: SourceQuote, why: RejectReason | None
) -> None:
    """Only a fresh trade of another real source confirms a jump; an invented price does not."""
    jump = tick(trade("200"), at=after(1))

    assert why == reason(validator, jump, source_quote(trade("100")), second)


def test_any_of_several_sources_confirms(validator: Validator) -> None:
    """A jump is accepted when one of several sources agrees."""
    others = [
        source_quote(trade(price), source=Source(f"other {price}", PriceClass.LIVE))
        for price in ("100", "201")
    ]

    assert None is reason(validator, tick(trade("200")), source_quote(trade("100")), *others)
