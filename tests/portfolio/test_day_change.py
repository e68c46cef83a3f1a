from decimal import Decimal

import pytest

from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote, merge
from omcrm.market.source import SIMULATED
from omcrm.portfolio.day_change import ChangeBasis, PreviousPrice, before
from tests.portfolio.own import priced
from tests.values import book, quote, tick, trade

CRYPTO, STOCK, FOREX = AssetClass.CRYPTO, AssetClass.STOCK, AssetClass.FOREX


def test_crypto_is_compared_with_a_day_ago() -> None:
    """The price of then is told exactly, so the rounded percentage is not used."""
    said = priced("BTC", "110", opened="100", change="9.9")

    assert PreviousPrice(Decimal(100), ChangeBasis.DAY_AGO) == before(said, CRYPTO)


def test_a_change_alone_tells_it_too() -> None:
    """CoinGecko tells only the percentage."""
    said = priced("BTC", "110", change="10")

    assert PreviousPrice(Decimal(100), ChangeBasis.DAY_AGO) == before(said, CRYPTO)


@pytest.mark.parametrize("asset_class", [STOCK, FOREX])
def test_the_open_of_a_session_is_no_close(asset_class: AssetClass) -> None:
    """A stock that opened with a gap would show half of its change."""
    opened = priced("AAPL", "110", opened="105", source="alpaca")
    told = priced("AAPL", "110", opened="105", change="10", source="finnhub_quote")

    assert None is before(opened, asset_class)
    assert PreviousPrice(Decimal(100), ChangeBasis.PREVIOUS_CLOSE) == before(told, asset_class)


def test_the_built_in_exchange_knows_no_sessions() -> None:
    """Its stocks are compared over 24 hours, and it says so."""
    said = priced("AAPL", "110", PriceClass.SIMULATED, opened="100", source=SIMULATED.name)

    assert PreviousPrice(Decimal(100), ChangeBasis.DAY_AGO) == before(said, STOCK)


def test_a_change_belongs_to_the_price_it_came_with() -> None:
    """A later trade does not move the price of a day ago."""
    first = priced("BTC", "110", change="10").said
    later = merge(tick(trade("220"), source=first.source), first)

    assert Decimal(100) == before(Quote("BTC", 2, PriceClass.LIVE, later), CRYPTO).price


@pytest.mark.parametrize("change", ["-100", "-250"])
def test_what_cannot_be_is_unknown(change: str) -> None:
    """Nothing loses all it is worth and still has a price."""
    assert None is before(priced("BTC", "110", change=change), CRYPTO)


def test_what_is_not_told_is_unknown() -> None:
    """Without figures of the day, or without a price, nothing is made up."""
    assert None is before(priced("BTC", "110"), CRYPTO)
    assert None is before(priced("BTC", "110", opened="0"), CRYPTO)
    assert None is before(quote(book("1", "2")), CRYPTO)
