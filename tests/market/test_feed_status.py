from omcrm.market.feed_status import FeedState


def test_states_are_their_words() -> None:
    """The values of the states are part of the interface."""
    pushed = ["off", "stopped", "connecting", "connected", "streaming", "waiting"]

    assert [*pushed, "polling", "standby"] == [state.value for state in FeedState]
