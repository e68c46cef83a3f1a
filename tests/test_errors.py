import inspect

import pytest

from omcrm import errors
from omcrm.errors import (
    AccessRefused,
    FeedError,
    FeedHeartbeatTimeout,
    FeedNoData,
    FeedRefused,
    FeedUnauthenticated,
    FeedUnreached,
    OmcrmError,
    SettingError,
)
from omcrm.market.feed_event import FeedCode, FeedFigures


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (SettingError("PORT", "expected a whole number"), "setting PORT: expected a whole number"),
        (FeedError(FeedCode.CONNECTION_LOST), "connection lost"),
        (FeedUnreached(FeedCode.TIMED_OUT, FeedFigures(by_proxy=True)), "its proxy: timed out"),
        (FeedRefused(451, "restricted"), "refused with 451: restricted"),
        (FeedHeartbeatTimeout(10.4), "no frame for 10 s"),
        (FeedNoData(30.2), "connected, but no price for 30 s"),
        (FeedUnauthenticated(15), "no answer to the login for 15 s"),
        (AccessRefused("LIMIT_EXCEEDED", "too many open pages"), "too many open pages"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_a_sentence(error: OmcrmError, sentence: str) -> None:
    """People read it."""
    assert sentence == str(error)


def test_the_tree_is_as_drawn() -> None:
    """Every error is in the picture at the top, below its base class."""
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in inspect.getdoc(errors).splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if not isinstance(getattr(errors, name, None), type):
            continue
        depth = len(line) - len(line.lstrip("│├└─ "))
        above = [ancestor for ancestor in above if ancestor[0] < depth]
        drawn[name] = above[-1][1] if above else "Exception"
        above.append((depth, name))

    assert {
        name: error.__base__.__name__
        for name, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, Exception)
    } == drawn
