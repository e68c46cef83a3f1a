from omcrm.feeds.news.item import NewsItem
from omcrm.gateways.market_feed import MarketFeed, _encode_news, _encode_trade, quote_body
from omcrm.streaming import wire
from tests.gateways.here import Served
from tests.reference.judge import Judge
from tests.values import START


def test_quotes_trades_and_errors_are_as_described(here: Served, judge: Judge) -> None:
    """Also those of which little is known; what goes over a socket is judged by the transcripts."""
    priced, fixed = here.price("BTC"), here.market.cache.get("AAPL")
    for quote in (priced, fixed):
        assert [] == judge.message(MarketFeed.name, wire.loads(wire.dumps(quote_body(quote, None))))
    assert [] == judge.message(MarketFeed.name, wire.loads(_encode_trade(priced)))


def test_news_are_as_described(judge: Judge) -> None:
    """With everything that may be unknown."""
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
    assert [] == judge.message(MarketFeed.name, wire.loads(_encode_news(item)))


def test_what_is_not_described_is_found(judge: Judge) -> None:
    """The judge of these tests is no yes-man."""
    said = {"type": "pong", "timestamp": "2026-01-05T14:30:00.123Z"}
    assert [] == judge.message("market_feed", said)
    assert [] != judge.message("market_feed", {**said, "more": 1})
    assert [] != judge.message("market_feed", {"type": "pong"})
    assert [] != judge.message("market_feed", {"type": "ping"})
