from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.price_class import PriceClass


def test_the_status_of_a_feed_that_is_off_is_empty() -> None:
    """The other fields have defaults."""
    status = FeedStatus(state=FeedState.OFF, active=False, type="websocket")

    assert (None, None, None, 0) == (
        status.url,
        status.connected_since,
        status.last_error,
        status.messages,
    )
    assert PriceClass.LIVE is status.price_class


def test_states_are_their_words() -> None:
    """The values of the states are part of the interface."""
    pushed = ["off", "stopped", "connecting", "connected", "streaming", "waiting"]

    assert [*pushed, "polling", "standby"] == [state.value for state in FeedState]
