from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import ChangeBasis, PriceBasis, Quote
from omcrm.market.source import Source
from omcrm.market.tick import DayFigures, TopOfBook
from tests.values import after, book, quote, trade

FINNHUB = Source("finnhub_quote", PriceClass.INDICATIVE)


def test_a_quote_is_flat() -> None:
    """Every field is a plain value, so a quote is one row, one message or one price passport."""
    whole = quote(
        trade("100", 7, "2", after(0)),
        TopOfBook(Decimal(99), Decimal(101), Decimal(3), Decimal(4)),
        DayFigures(Decimal(80), Decimal(110), Decimal(70), Decimal(1000), Decimal(25)),
    )
    fields = structs.asdict(whole)

    assert (Decimal(100), Decimal(2), 7) == (whole.last, whole.last_size, whole.trade_id)
    assert [99, 101, 3, 4] == [whole.bid, whole.ask, whole.bid_size, whole.ask_size]
    assert [80, 110, 70, 1000] == [whole.open, whole.high, whole.low, whole.volume]
    assert (25, 80, 20) == (whole.change_percent, whole.change_from, whole.change)
    assert PriceBasis.TRADE is whole.price_basis
    assert [] == [
        name
        for name, value in fields.items()
        if name != "source" and hasattr(value, "__struct_fields__")
    ]


def test_a_quote_needs_a_trade() -> None:
    """A quote of a book alone raises an error."""
    with pytest.raises(AssertionError, match="a quote has a price"):
        quote(book("1", "2"))


def test_only_a_change_from_the_previous_close_has_one() -> None:
    """The price of 24 hours ago is not given as the previous close."""
    day = DayFigures(open=Decimal(105), change_percent=Decimal(10))
    share = quote(trade("110"), day, source=FINNHUB, asset_class=AssetClass.STOCK)
    coin = quote(trade("110"), day)

    assert (ChangeBasis.PREVIOUS_CLOSE, 100, 10) == (
        share.change_basis,
        share.previous_close,
        share.change,
    )
    assert (ChangeBasis.DAY_AGO, None, 5) == (coin.change_basis, coin.previous_close, coin.change)


def test_fields_that_were_not_reported_are_none() -> None:
    """A quote of one trade has its price and times, and nothing else."""
    alone = quote(trade("100"))
    known = {
        *("symbol", "seq", "price_class", "source", "last", "received_at"),
        *("last_received_at", "confirmed_at", "trade_number", "price_basis"),
    }

    assert known == {name for name in Quote.__struct_fields__ if getattr(alone, name) is not None}
    assert None is alone.change


def test_the_age_counts_from_the_last_confirmation() -> None:
    """The age of a quote is the time since its price was confirmed."""
    assert timedelta(seconds=3) == quote(trade("100")).age(after(3))
