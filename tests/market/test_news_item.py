from datetime import timedelta

from tests.feeds.news.feeds import NOW, news_item


def test_when_it_is_from() -> None:
    """Its own time, unless that is missing or in the future: then the time of receipt."""
    soon, before = NOW + timedelta(minutes=30), NOW - timedelta(days=1)

    assert before == news_item("a", published_at=before).at
    assert NOW == news_item("a", published_at=soon).at
    assert NOW == news_item("a", published_at=None).at


def test_its_number() -> None:
    """The id as an integer."""
    assert 2**52 - 1 == news_item("a", id="f" * 13).number
