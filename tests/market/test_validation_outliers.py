"""What one source says is judged by what it said before, and by what the others say."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED, Source
from omcrm.market.source_quote import SourceQuote, merge
from omcrm.market.tick import DayFigures, TopOfBook, Trade
from omcrm.market.validation import RejectReason, Validator
from tests.market.validated import POLICY, reason
from tests.values import KRAKEN, after, book, source_quote, tick, trade

# What nobody confirms


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
def test_a_jump_is_refused(validator: Validator, parts: tuple[Trade | TopOfBook, ...]) -> None:
    """A price further from the last one than the policy allows needs a second source."""
    assert RejectReason.JUMP == reason(
        validator, tick(*parts, at=after(1)), source_quote(trade("100"))
    )


@pytest.mark.parametrize(
    "parts", [(trade("110"),), (trade("90"),), (book("90", "110"),), (trade("100"),)]
)
def test_a_move_within_the_policy_is_believed(
    validator: Validator, parts: tuple[Trade | TopOfBook, ...]
) -> None:
    """A price that is just within is none."""
    assert None is reason(validator, tick(*parts, at=after(1)), source_quote(trade("100")))


def test_a_stub_quote_is_refused(validator: Validator) -> None:
    """A market maker's bid of one dollar is not what the share is worth, also as the first word."""
    stub = book("1.00", "213.35")

    assert RejectReason.WIDE == reason(validator, tick(stub), source_quote(trade("213.30")))
    assert RejectReason.WIDE == reason(Validator(), tick(stub))


def test_a_trade_beside_a_stub_quote_is_believed(validator: Validator) -> None:
    """Only the book is left out."""
    last = trade("213.30")

    assert tick(last) == validator.validate(tick(last, book("1.00", "213.35")), None, (), POLICY)
    assert {RejectReason.WIDE: 1} == validator.rejected


def test_bad_figures_of_the_day_cost_themselves_only(validator: Validator) -> None:
    """The trade beside them is as good as any."""
    last = trade("100")
    figures = DayFigures(high=Decimal(90), low=Decimal(95))

    assert tick(last) == validator.validate(tick(last, figures), None, (), POLICY)
    assert {RejectReason.HIGH_BELOW_LOW: 1} == validator.rejected


def test_a_book_that_is_too_late_is_left_out(validator: Validator) -> None:
    """Beside a fresh price it would be a state that never was."""
    late = structs.replace(tick(book("92", "92.1"), at=after(1)), late=timedelta(seconds=30))

    assert RejectReason.OLDER == reason(validator, late, source_quote(trade("100")))


def test_a_second_source_contradicts_a_first_price(validator: Validator) -> None:
    """After a silence, and at the start, somebody else may know better."""
    other = source_quote(trade("100"), source=KRAKEN)
    spike = tick(trade("150"), at=after(1))

    assert None is validator.validate(spike, None, [other], POLICY)
    assert None is validator.validate(
        tick(trade("150"), at=after(60)),
        source_quote(trade("100")),
        [source_quote(trade("100"), source=KRAKEN, at=after(55))],
        POLICY,
    )
    assert {RejectReason.CONTRADICTED: 2} == validator.rejected
    assert (("kraken", Decimal(100)),) == validator.quarantine[0].others


def test_two_outliers_that_agree_confirm_each_other(validator: Validator) -> None:
    """A real jump happens everywhere: the second venue that tells of it is believed."""
    held = source_quote(trade("100"))
    there = source_quote(trade("100"), source=KRAKEN)
    jump = tick(trade("151"), at=after(2), source=KRAKEN)

    assert None is validator.validate(tick(trade("150"), at=after(1)), held, [there], POLICY)
    assert None is validator.validate(tick(trade("152"), at=after(1)), held, [there], POLICY)
    assert jump == validator.validate(jump, there, [held], POLICY)


def test_small_steps_lead_no_further_than_a_jump(validator: Validator) -> None:
    """Alone, a source may move by the policy's deviation within its longest age, not by each."""
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


def test_small_steps_away_from_everybody_else_are_contradicted(validator: Validator) -> None:
    """One venue that walks off alone is not believed, though each step is a small one."""
    held, there = source_quote(trade("109")), source_quote(trade("100"), source=KRAKEN)

    assert RejectReason.CONTRADICTED == reason(
        validator, tick(trade("118"), at=after(1)), held, there
    )
    assert None is reason(validator, tick(trade("109.9"), at=after(1)), held, there)


def test_an_outlier_that_was_taken_back_confirms_nothing(validator: Validator) -> None:
    """Its source goes on where it was: that was a mistake, and another one's is none the less."""
    held, there = source_quote(trade("100")), source_quote(trade("100"), source=KRAKEN)
    validator.validate(tick(trade("150"), at=after(1)), held, [there], POLICY)
    validator.validate(tick(trade("100.1"), at=after(2)), held, [there], POLICY)
    jump = tick(trade("150"), at=after(3), source=KRAKEN)

    assert None is validator.validate(jump, there, [held], POLICY)


def test_an_invented_price_confirms_nothing(validator: Validator) -> None:
    """What the built-in exchange was refused for says nothing about a market, nor the reverse."""
    held, simulated = source_quote(trade("100")), source_quote(trade("100"), source=SIMULATED)
    invented = tick(trade("150"), at=after(1), source=SIMULATED)
    spike = tick(trade("150"), at=after(2))

    assert None is validator.validate(invented, simulated, [held], POLICY)
    assert None is validator.validate(spike, held, [], POLICY)
    assert None is validator.validate(invented, simulated, [held], POLICY)


def test_an_old_outlier_confirms_nothing(validator: Validator) -> None:
    """What nobody repeated within the longest age was a mistake."""
    there = source_quote(trade("100"), source=KRAKEN, at=after(11))
    validator.validate(tick(trade("150"), at=after(1)), source_quote(trade("100")), [], POLICY)
    jump = tick(trade("150"), at=after(12), source=KRAKEN)

    assert None is validator.validate(jump, there, [], POLICY)


def test_yesterdays_close_contradicts_nobody(validator: Validator) -> None:
    """A price that is asked now and then may confirm another, but a market may have moved."""
    close = source_quote(trade("100"), source=Source("alpha_vantage", PriceClass.INDICATIVE))
    opening = tick(trade("150"), at=after(1))

    assert opening == validator.validate(opening, None, [close], POLICY)


def test_a_second_source_confirms_a_first_price(validator: Validator) -> None:
    """One that agrees is enough, whatever a third says."""
    others = [
        source_quote(trade("100"), source=KRAKEN),
        source_quote(trade("151"), source=Source("coinbase", PriceClass.LIVE)),
    ]
    spike = tick(trade("150"), at=after(1))

    assert spike == validator.validate(spike, source_quote(trade("100")), others, POLICY)


def test_what_is_refused_tells_what_the_others_said(validator: Validator) -> None:
    """Whoever looks at it later sees the own last price and those of the others."""
    other = source_quote(trade("100.5"), source=KRAKEN)
    validator.validate(tick(trade("150"), at=after(1)), source_quote(trade("100")), [other], POLICY)
    (refusal,) = validator.quarantine

    assert (RejectReason.JUMP, Decimal(100), (("kraken", Decimal("100.5")),)) == (
        refusal.reason,
        refusal.held,
        refusal.others,
    )


def test_day_figures_do_not_jump(validator: Validator) -> None:
    """A day's high may lie far from the last price."""
    day = tick(DayFigures(high=Decimal(200), low=Decimal(1)), at=after(1))

    assert None is reason(validator, day, source_quote(trade("100")))


def test_there_is_no_jump_without_a_trade(validator: Validator) -> None:
    """Where nobody traded yet, there is nothing to be far from."""
    assert None is reason(validator, tick(trade("500")), source_quote(book("99", "101")))


@pytest.mark.parametrize(("seconds", "why"), [(10, RejectReason.JUMP), (10.001, None)])
def test_an_old_reference_contradicts_nothing(
    validator: Validator, seconds: float, why: RejectReason | None
) -> None:
    """After the policy's age the last trade is too old to doubt another price by."""
    assert why == reason(
        validator, tick(trade("200"), at=after(seconds)), source_quote(trade("100"))
    )


def test_a_book_does_not_renew_the_reference(validator: Validator) -> None:
    """Only a trade makes the last price young again."""
    held = merge(tick(book("99", "101"), at=after(9)), source_quote(trade("100")))

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
    """Only a fresh price of another market can confirm one; an invented price cannot."""
    news = tick(trade("200"), at=after(1))

    assert why == reason(validator, news, source_quote(trade("100")), second)


def test_any_of_several_sources_confirms(validator: Validator) -> None:
    """One that agrees is enough."""
    others = [
        source_quote(trade(price), source=Source(f"other {price}", PriceClass.LIVE))
        for price in ("100", "201")
    ]

    assert None is reason(validator, tick(trade("200")), source_quote(trade("100")), *others)
