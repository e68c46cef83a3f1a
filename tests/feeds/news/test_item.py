from datetime import timedelta

from tests.feeds.news.feeds import NOW, news


def test_when_it_is_from() -> None:
    """Its own time, but not one that is still to come; the arrival's where it has none."""
    soon, before = NOW + timedelta(minutes=30), NOW - timedelta(days=1)

    assert before == news("a", published_at=before).at
    assert NOW == news("a", published_at=soon).at
    assert NOW == news("a", published_at=None).at


def test_its_number() -> None:
    """The id for readers that know numbers only."""
    assert 2**52 - 1 == news("a", id="f" * 13).number
