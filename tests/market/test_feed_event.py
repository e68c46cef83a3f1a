import msgspec
import pytest

from omcrm.market.feed_event import FeedEvent, FeedEventKind
from tests.values import START


def test_optional_fields_are_empty() -> None:
    """An event needs only a time, a kind and a source."""
    event = FeedEvent(at=START, kind=FeedEventKind.STATE, source="binance")

    assert (None, (), "", None) == (
        event.before,
        event.symbols,
        event.reason,
        event.silent_seconds,
    )


def test_an_event_is_immutable() -> None:
    """Setting a field of an event raises an error."""
    event = FeedEvent(at=START, kind=FeedEventKind.STATE, source="binance")

    with pytest.raises(AttributeError):
        event.reason = "otherwise"


def test_events_with_equal_fields_are_equal() -> None:
    """Two events are equal exactly when all their fields are."""
    one, same = (FeedEvent(at=START, kind=FeedEventKind.BEGAN, source="kraken") for _ in range(2))

    assert same == one
    assert msgspec.structs.replace(one, symbols=("BTC",)) != one


def test_the_values_of_kinds_do_not_change() -> None:
    """Databases and pages use these values, so they stay as they are."""
    assert ["took_over", "gave_back", "began", "state", "quarantine"] == list(FeedEventKind)
