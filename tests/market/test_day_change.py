from decimal import Decimal

import pytest

from omcrm.market.day_change import change_from, day_change
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import ChangeBasis
from omcrm.market.source import SIMULATED, Source
from omcrm.market.tick import DayFigures
from tests.values import BINANCE, KRAKEN, instrument, quote, trade

CRYPTO, STOCK, FOREX = AssetClass.CRYPTO, AssetClass.STOCK, AssetClass.FOREX
FINNHUB = Source("finnhub_quote", PriceClass.INDICATIVE)
BTC = instrument("BTC")
SHARE = instrument("AAPL", AssetClass.STOCK)


def day(opened: str | None = None, change: str | None = None) -> DayFigures:
    return DayFigures(
        open=None if opened is None else Decimal(opened),
        change_percent=None if change is None else Decimal(change),
    )


def test_crypto_is_compared_with_a_day_ago() -> None:
    """The open of 24 hours ago is exact, so the rounded percentage is not used."""
    reference = change_from(day("100", "9.9"), Decimal(110), BINANCE, CRYPTO)

    assert (Decimal(100), ChangeBasis.DAY_AGO) == reference


def test_the_price_a_day_ago_follows_from_the_percentage() -> None:
    """Where only the percentage is reported, the price of 24 hours ago is computed from it."""
    reference = change_from(day(change="10"), Decimal(110), BINANCE, CRYPTO)

    assert (Decimal(100), ChangeBasis.DAY_AGO) == reference


def test_the_session_open_is_not_the_previous_close() -> None:
    """The change of a stock is counted from the previous close, not from the open."""
    reference = change_from(day("105", "10"), Decimal(110), FINNHUB, STOCK)

    assert None is change_from(day("105"), Decimal(110), FINNHUB, STOCK)
    assert (Decimal(100), ChangeBasis.PREVIOUS_CLOSE) == reference


def test_currencies_are_compared_with_a_day_ago() -> None:
    """Kraken reports the change of 24 hours, as for its coins."""
    reference = change_from(day("1.08", "0.9"), Decimal("1.09"), KRAKEN, FOREX)

    assert (Decimal("1.08"), ChangeBasis.DAY_AGO) == reference


def test_simulated_stocks_are_compared_with_a_day_ago() -> None:
    """The change of a simulated stock is counted from the price of 24 hours ago."""
    reference = change_from(day("100"), Decimal(110), SIMULATED, STOCK)

    assert (Decimal(100), ChangeBasis.DAY_AGO) == reference


@pytest.mark.parametrize("change", ["-100", "-250"])
def test_an_impossible_change_is_none(change: str) -> None:
    """A change of minus 100 percent or less has no reference."""
    assert None is change_from(day(change=change), Decimal(110), BINANCE, CRYPTO)


@pytest.mark.parametrize("opened", [None, "0"])
def test_without_figures_there_is_no_reference(opened: str | None) -> None:
    """Without an open and without a percentage the result is None."""
    assert None is change_from(day(opened), Decimal(110), BINANCE, CRYPTO)


# The rounded change


def test_the_change_of_crypto_is_since_a_day_ago() -> None:
    """The open of its sources is the price of 24 hours ago."""
    figures = DayFigures(open=Decimal("67000.10"), change_percent=Decimal("0.35"))

    assert Decimal("234.46") == day_change(quote(trade("67234.56"), figures), BTC)


def test_the_change_of_a_share_is_since_the_previous_close() -> None:
    """The close follows from the change in percent, not from the open; rounded to cents."""
    figures = DayFigures(open=Decimal("149.00"), change_percent=Decimal("1.6922"))
    share = quote(trade("150.25"), figures, symbol="AAPL", asset_class=AssetClass.STOCK)

    assert Decimal("2.50") == day_change(share, SHARE)


@pytest.mark.parametrize("parts", [(trade("1"),), (trade("1"), DayFigures())])
def test_an_unreported_change_is_none(parts: tuple[object, ...]) -> None:
    """Neither is there a change of a symbol outside of the catalogue."""
    assert None is day_change(quote(*parts), BTC)
    assert None is day_change(quote(trade("1"), DayFigures(open=Decimal(1))), None)
