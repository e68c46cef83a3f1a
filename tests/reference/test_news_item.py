from msgspec.structs import fields

from omcrm.feeds.news.item import NewsItem as Kept
from omcrm.reference.news_item import NewsItem


def test_all_that_is_kept_is_told() -> None:
    """And whether the built-in exchange made it up."""
    told = {each.name for each in fields(NewsItem)}

    assert {each.name for each in fields(Kept)} | {"simulated"} == told
