from datetime import timedelta

import msgspec
import pytest

from omcrm.feeds.news.item import SIMULATED_NEWS, NewsItem
from omcrm.gateways.finance_query.headline import ago, headlines
from tests.values import START, after

ITEM = NewsItem(
    id="0123456789abc",
    source="example.com",
    publisher="Example",
    title="Apple does it again",
    summary="",
    url="https://example.com/1",
    image=None,
    published_at=after(-86_400),
    received_at=START,
)


def test_a_headline() -> None:
    """Its time is in words, unknown values are null."""
    assert [
        {
            "title": "Apple does it again",
            "link": "https://example.com/1",
            "source": "Example",
            "img": None,
            "time": "1 day ago",
        }
    ] == headlines([ITEM], START)


def test_an_item_without_time_and_publisher() -> None:
    """The time is null, because the time of receipt may be much later; the source is the host."""
    item = msgspec.structs.replace(ITEM, published_at=None, publisher=None)
    [headline] = headlines([item], START)

    assert (None, "example.com") == (headline["time"], headline["source"])


def test_simulated_news_are_marked() -> None:
    """Their source is `simulated`, whatever publisher they name."""
    item = msgspec.structs.replace(ITEM, source=SIMULATED_NEWS)

    assert "simulated" == headlines([item], START)[0]["source"]


def test_a_time_in_the_future() -> None:
    """A publisher's clock may be ahead: then the time of receipt counts."""
    item = msgspec.structs.replace(ITEM, published_at=after(3600))

    assert "2 minutes ago" == headlines([item], after(120))[0]["time"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (172_800, "2 days ago"),
        (7 * 86_400, "1 week ago"),
        (45 * 86_400, "1 month ago"),
        (800 * 86_400, "2 years ago"),
    ],
)
def test_how_long_ago(seconds: int, words: str) -> None:
    """In the largest unit that fits."""
    assert words == ago(timedelta(seconds=seconds))
