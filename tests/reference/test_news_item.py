from msgspec.structs import fields

from omcrm.feeds.news.item import NewsItem as Kept
from omcrm.reference.news_item import NewsItem


def test_all_that_is_kept_is_told() -> None:
    """And whether the built-in exchange made it up."""
    told = {field.name for field in fields(NewsItem)}

    assert {field.name for field in fields(Kept)} | {"simulated"} == told
