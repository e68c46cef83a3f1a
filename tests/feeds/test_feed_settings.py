from omcrm.feeds.declaration import Choice
from omcrm.feeds.feed_settings import FeedSettings

FRUITS = Choice(env="FRUITS", options=("apple", "pear"), default=("pear",), about="Fruits.")


def test_what_was_not_chosen_is_the_default() -> None:
    """A choice is found by the name of its setting."""
    assert ("pear",) == FeedSettings().chosen(FRUITS)
    assert ("apple",) == FeedSettings(choices={"FRUITS": ("apple",)}).chosen(FRUITS)
