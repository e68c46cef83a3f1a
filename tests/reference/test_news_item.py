from msgspec.structs import fields

from omcrm.market.news_item import NewsItem
from omcrm.reference.news_item import JsonNewsItem


def test_all_fields_of_an_item_are_described() -> None:
    """And whether it is simulated."""
    described = {field.name for field in fields(JsonNewsItem)}

    assert {field.name for field in fields(NewsItem)} | {"simulated"} == described
