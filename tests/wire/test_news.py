from msgspec.structs import fields, replace

from omcrm.market.news_item import SIMULATED_NEWS, NewsItem
from omcrm.wire.news import JsonNewsItem
from tests.values import START, sent

ITEM = NewsItem(
    id="0123456789abc",
    source="example.com",
    publisher=None,
    title="Apple does it again",
    summary="",
    url=None,
    image=None,
    published_at=None,
    received_at=START,
    symbols=("AAPL",),
)


def test_an_item_has_all_its_fields() -> None:
    """What its source left out is null; and whether it is simulated."""
    body = sent(JsonNewsItem.of(ITEM))

    assert {field.name for field in fields(NewsItem)} | {"simulated"} == body.keys()
    assert ("2026-03-04T15:00:00.000Z", None, ["AAPL"], False) == (
        body["received_at"],
        body["published_at"],
        body["symbols"],
        body["simulated"],
    )


def test_simulated_news_are_marked() -> None:
    """By their source."""
    assert JsonNewsItem.of(replace(ITEM, source=SIMULATED_NEWS)).simulated
