"""Cancelled and corrected trades of Alpaca, from frame to quote."""

from datetime import timedelta
from decimal import Decimal

import pytest

from omcrm.market.price_class import PriceClass
from omcrm.market.quote import StaleReason
from tests.market.share import Share
from tests.values import START, after


def test_a_cancelled_last_price_is_taken_back(share: Share) -> None:
    """The price before returns, with its own time and age."""
    share.trade("383.64", "@", number=2)
    share.trade("383.60", "@", "I", number=3)
    share.second = 20
    share.cancel(2)

    assert (Decimal(399), after(1)) == (share.last, share.shown.provider_time)
    assert timedelta(seconds=19) == share.shown.age(after(20))
    assert PriceClass.LIVE is share.shown.price_class


def test_a_price_that_returns_may_be_too_old(share: Share) -> None:
    """What was true a minute ago is stale."""
    share.second = 60
    share.trade("383.64", "@", number=2)
    share.cancel(2)

    assert (Decimal(399), PriceClass.STALE) == (share.last, share.shown.price_class)


def test_several_may_be_cancelled(share: Share) -> None:
    """Each cancel takes its own trade back, in any order."""
    share.trade("398", "@", number=2)
    share.trade("397", "@", number=3)
    share.cancel(2)
    assert Decimal(397) == share.last

    share.cancel(3)
    assert Decimal(399) == share.last


def test_the_only_price_that_is_cancelled_is_not_live(share: Share) -> None:
    """Nothing can take its place, so it is shown as stale, with the reason, until the next."""
    share.cancel(1)

    assert PriceClass.STALE is share.shown.price_class
    assert StaleReason.CANCELLED is share.shown.stale_reason
    assert [] == share.consolidator.review()

    share.trade("398", "@", number=2)
    assert (Decimal(398), PriceClass.LIVE) == (share.last, share.shown.price_class)


def test_the_last_price_is_cancelled_after_many_odd_lots(share: Share) -> None:
    """They do not make a source forget which trade its price is of."""
    share.trade("398", "@", number=2)
    for number in range(3, 30):
        share.trade("398", "@", "I", number=number)
    share.cancel(2)

    assert Decimal(399) == share.last


def test_an_unknown_cancel_changes_nothing(share: Share) -> None:
    """A trade of before the connection, or one that is cancelled twice."""
    before = share.shown
    share.cancel(77)

    assert before is share.shown


def test_a_corrected_last_price_is_replaced(share: Share) -> None:
    """The corrected price is as old as the wrong one."""
    share.trade("383.64", "@", number=2)
    share.second = 20
    share.correct(2, "399.2", "@")

    assert (Decimal("399.2"), after(2)) == (share.last, share.shown.provider_time)
    assert timedelta(seconds=18) == share.shown.age(after(20))

    share.cancel(1002)
    assert Decimal(399) == share.last


def test_a_correction_far_away_only_takes_back(share: Share) -> None:
    """A corrected price is validated like any other."""
    share.trade("383.64", "@", number=2)
    share.correct(2, "39.92", "@")

    assert Decimal(399) == share.last


def test_a_correction_to_an_ineligible_trade_takes_back(share: Share) -> None:
    """It should have been an average price."""
    share.trade("383.64", "@", number=2)
    share.correct(2, "383.64", "@", "W")

    assert Decimal(399) == share.last


def test_a_correction_of_an_earlier_trade_leaves_the_last_price(share: Share) -> None:
    """A newer trade is the last price already."""
    share.trade("400", "@", number=2)
    share.correct(1, "390", "@")

    assert Decimal(400) == share.last


@pytest.mark.parametrize("conditions", [["@"], ["@", "Z"]])
def test_the_high_of_a_cancelled_trade_is_dropped(share: Share, conditions: list[str]) -> None:
    """No high is better than one that never was; the next daily bar has the true one."""
    share.day("400", "390")
    share.trade("405", *conditions, number=2)
    share.day("405", "390")
    share.cancel(2)

    assert (Decimal(399), None, Decimal(390)) == (share.last, share.shown.high, share.shown.low)


def test_a_jump_is_not_measured_from_a_cancelled_price(share: Share) -> None:
    """The price goes on from the one before."""
    for price in ("432", "431", "430"):
        share.trade(price, "@", number=2)
    share.cancel(2)
    share.trade("396", "@", number=3)

    assert Decimal(396) == share.last


def test_a_bar_loses_the_last_trade_when_it_is_taken_back(share: Share) -> None:
    """Its close, range and volume are as before; a corrected trade is counted once."""
    share.trade("405", "@", number=2, size=50)
    share.cancel(2)
    assert ("399", "399", "399", "399", "100") == share.minute()

    share.trade("406", "@", number=3, size=50)
    share.correct(3, "400", "@")
    assert ("399", "400", "399", "400", "200") == share.minute()

    share.trade("401", "@", number=4, size=1)
    assert ("399", "401", "399", "401", "201") == share.minute()
    assert START == share.bars.series("AAPL", "alpaca", "1m", 1)[-1].timestamp
