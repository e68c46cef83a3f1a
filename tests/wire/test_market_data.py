from omcrm.market.catalogue import CATALOGUE
from omcrm.wire.encoding import dumps
from omcrm.wire.market_data import JsonNews, MarketFeedQuoteAnswer, MarketFeedQuotesAnswer
from omcrm.wire.market_feed import MarketFeedQuote
from tests.values import quote, trade

BITCOIN = next(item for item in CATALOGUE if item.symbol == "BTC")


def test_one_quote_has_success_before_its_type() -> None:
    """Among several, each has its type first."""
    newest = quote(trade("1.50"))
    one = dumps(MarketFeedQuoteAnswer.of(newest, BITCOIN))
    several = dumps(
        MarketFeedQuotesAnswer(
            quotes=[MarketFeedQuote.of(newest, BITCOIN)],
            without_price=["AAPL"],
            unknown_symbols=["NOPE"],
        )
    )

    assert one.startswith('{"success":true,"type":"quote","symbol":"BTC","price":1.50,"bid":null,')
    assert several.startswith('{"success":true,"quotes":[{"type":"quote","symbol":"BTC",')
    assert several.endswith('}],"without_price":["AAPL"],"unknown_symbols":["NOPE"]}')


def test_no_news_on_the_wire() -> None:
    """With the number of sources."""
    assert '{"success":true,"sources":0,"news":[]}' == dumps(JsonNews(sources=0, news=[]))
