import msgspec
import pytest

from omcrm.market.feed_event import FeedEvent, FeedEventKind
from tests.values import START


def test_what_is_not_said_is_empty() -> None:
    """An event needs a moment, a kind and a source, and no more."""
    event = FeedEvent(at=START, kind=FeedEventKind.STATE, source="binance")

    assert (None, (), "", None) == (
        event.before,
        event.symbols,
        event.reason,
        event.silent_seconds,
    )


def test_what_happened_cannot_be_changed() -> None:
    """Events travel among threads."""
    event = FeedEvent(at=START, kind=FeedEventKind.STATE, source="binance")

    with pytest.raises(AttributeError):
        event.reason = "otherwise"


def test_what_is_the_same_is_equal() -> None:
    """Two events are the same where all that they say is."""
    one, same = (FeedEvent(at=START, kind=FeedEventKind.BEGAN, source="kraken") for _ in range(2))

    assert same == one
    assert msgspec.structs.replace(one, symbols=("BTC",)) != one


def test_kinds_have_the_names_that_pages_know() -> None:
    """They are kept in databases and shown by scripts: a name is never changed."""
    assert ["took_over", "gave_back", "began", "state", "quarantine"] == list(FeedEventKind)
