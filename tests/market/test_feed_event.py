import msgspec
import pytest

from omcrm.market.feed_event import FeedCode, FeedEvent, FeedEventKind
from omcrm.market.validation import RejectReason
from tests.values import START


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
    kinds = ["took_over", "gave_back", "began", "state", "quarantine", "dispute", "divergence"]

    assert kinds == list(FeedEventKind)


@pytest.mark.parametrize("reason", list(RejectReason))
def test_every_rejection_has_a_code(reason: RejectReason) -> None:
    """It is the word that the quarantine has for it."""
    assert reason == FeedCode(reason)
