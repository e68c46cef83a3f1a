from omcrm.gateways.market_feed import MarketFeed, _encode_news, _encode_trade, quote_body
from omcrm.market.news_item import NewsItem
from omcrm.wire import encoding
from tests.gateways.here import Served
from tests.reference.validator import DocumentValidator
from tests.values import START


def test_quotes_trades_and_errors_are_as_described(
    here: Served, validator: DocumentValidator
) -> None:
    """Also quotes with few fields; the transcripts validate what is sent over a socket."""
    priced, fixed = here.price("BTC"), here.market.cache.get("AAPL")
    for quote in (priced, fixed):
        assert [] == validator.message(
            MarketFeed.name, encoding.loads(encoding.dumps(quote_body(quote, None)))
        )
    assert [] == validator.message(MarketFeed.name, encoding.loads(_encode_trade(priced)))


def test_news_is_as_described(validator: DocumentValidator) -> None:
    """With all optional fields empty."""
    item = NewsItem(
        id="0123456789abc",
        source="wire",
        publisher=None,
        title="Something happened",
        summary="",
        url=None,
        image=None,
        published_at=None,
        received_at=START,
    )
    assert [] == validator.message(MarketFeed.name, encoding.loads(_encode_news(item)))


def test_a_message_that_is_not_described_is_noticed(validator: DocumentValidator) -> None:
    """The validator of these tests can fail."""
    pong = {"type": "pong", "timestamp": "2026-01-05T14:30:00.123Z"}
    assert [] == validator.message("market_feed", pong)
    assert [] != validator.message("market_feed", {**pong, "more": 1})
    assert [] != validator.message("market_feed", {"type": "pong"})
    assert [] != validator.message("market_feed", {"type": "ping"})
