from decimal import Decimal

import pytest

from omcrm.gateways.market_feed import day_change
from omcrm.market.instrument import AssetClass
from omcrm.market.tick import DayFigures
from tests.values import instrument, quote, trade

BTC = instrument("BTC")
SHARE = instrument("AAPL", AssetClass.STOCK)


def test_the_change_of_crypto_is_since_a_day_ago() -> None:
    """The open of its sources is the price of 24 hours ago."""
    day = DayFigures(open=Decimal("67000.10"), change_percent=Decimal("0.35"))

    assert Decimal("234.46") == day_change(quote(trade("67234.56"), day), BTC)


def test_the_change_of_a_share_is_since_the_previous_close() -> None:
    """The close follows from the change in percent, not from the open; rounded to cents."""
    day = DayFigures(open=Decimal("149.00"), change_percent=Decimal("1.6922"))
    share = quote(trade("150.25"), day, symbol="AAPL", asset_class=AssetClass.STOCK)

    assert Decimal("2.50") == day_change(share, SHARE)


@pytest.mark.parametrize("parts", [(trade("1"),), (trade("1"), DayFigures())])
def test_an_unreported_change_is_none(parts: tuple[object, ...]) -> None:
    """Neither is there a change of a symbol outside of the catalogue."""
    assert None is day_change(quote(*parts), BTC)
    assert None is day_change(quote(trade("1"), DayFigures(open=Decimal(1))), None)
