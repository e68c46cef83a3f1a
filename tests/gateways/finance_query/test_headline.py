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
    """Its time is in words, what is not known is null."""
    assert [
        {
            "title": "Apple does it again",
            "link": "https://example.com/1",
            "source": "Example",
            "img": None,
            "time": "1 day ago",
        }
    ] == headlines([ITEM], START)


def test_a_time_that_is_not_told_is_not_known() -> None:
    """When it was read says little; and one who names no publisher is known by the host."""
    item = msgspec.structs.replace(ITEM, published_at=None, publisher=None)
    [told] = headlines([item], START)

    assert (None, "example.com") == (told["time"], told["source"])


def test_what_is_invented_says_so() -> None:
    """The built-in exchange's news are called simulated, whoever they name."""
    item = msgspec.structs.replace(ITEM, source=SIMULATED_NEWS)

    assert "simulated" == headlines([item], START)[0]["source"]


def test_from_the_future_it_is_of_now() -> None:
    """A publisher's clock may be ahead: it counts when it came."""
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
