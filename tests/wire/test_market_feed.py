from decimal import Decimal

from omcrm.market.bar import Bar
from omcrm.market.quote import PriceBasis
from omcrm.market.tick import DayFigures
from omcrm.wire import encoding
from omcrm.wire.market_feed import (
    MarketFeedPoint,
    MarketFeedQuote,
    MarketFeedTrade,
    Subscribe,
)
from tests.values import START, after, book, instrument, quote, trade

BTC = quote(
    trade("67234.56", 7, "0.5", after(-0.4)),
    book("67234.55", "67234.57"),
    DayFigures(open=Decimal(67000), volume=Decimal("1234.5"), change_percent=Decimal("0.35")),
    seq=18151,
)


def test_a_quote() -> None:
    """All fields in their order; what its source does not send is null."""
    message = MarketFeedQuote.of(BTC, instrument("BTC"))

    assert (
        '{"type":"quote","symbol":"BTC","price":67234.56,"bid":67234.55,"ask":67234.57,'
        '"bidSize":null,"askSize":null,"volume":1234.5,"dayChange":234.56,'
        '"dayChangePercent":0.35,"timestamp":"2026-03-04T15:00:00.000Z","source":"binance",'
        '"price_class":"live","price_basis":"trade",'
        '"provider_time":"2026-03-04T14:59:59.600Z","seq":18151}'
    ) == encoding.dumps(message)


def test_a_trade() -> None:
    """Its time is the provider's, or else ours."""
    untimed = quote(trade("2", 1))

    assert (
        '{"type":"trade","symbol":"BTC","price":67234.56,"size":0.5,'
        '"timestamp":"2026-03-04T14:59:59.600Z","source":"binance","price_class":"live"}'
    ) == encoding.dumps(MarketFeedTrade.of(BTC))
    assert "2026-03-04T15:00:00.000Z" == MarketFeedTrade.of(untimed).timestamp


def test_the_price_of_a_minute_is_its_close() -> None:
    """Beside the bar's own fields."""
    figures = [Decimal(name) for name in ("1", "4", "0.5", "2", "10")]
    point = MarketFeedPoint.of(Bar(START, *figures, PriceBasis.MID))

    assert (Decimal(2), Decimal(2), Decimal(1)) == (point.price, point.close, point.open)
    assert "mid" == point.price_basis


def test_what_is_not_said_is_not_sent() -> None:
    """The examples of requests are as short as a person would write them."""
    assert '{"action":"subscribe","symbols":["BTC"]}' == encoding.dumps(Subscribe(symbols=["BTC"]))
