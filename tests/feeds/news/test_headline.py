import pytest

from omcrm.feeds.news.headline import headline

APPLE = "Apple beats estimates as iPhone sales rise"


@pytest.mark.parametrize(
    "other",
    [
        "APPLE BEATS ESTIMATES AS IPHONE SALES RISE!",
        "Apple beats the estimates, as iPhone sales rise",
        "Apple beats estimates as iPhone sales rise - Reuters",
        "Apple beats estimates as iPhone sales rise | Markets | Example News",
        "UPDATE 2-Apple beats estimates as iPhone sales rise",
        "Breaking: Apple beats estimates as iPhone sales rise",
        "Apple beats estimates as iPhone sales…",
    ],
)
def test_the_same(other: str) -> None:
    """Spelling, articles, publisher and alarm make no other story."""
    assert headline(APPLE).matches(headline(other))
    assert headline(other).matches(headline(APPLE))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (APPLE, "Amazon beats estimates as iPhone sales rise"),
        (APPLE, "Apple beats estimates"),
        ("Fed raises rates by 0.25 points", "Fed raises rates by 0.5 points"),
        ("Stocks rise 1.2 % today again", "Stocks rise 12 % today again"),
        ("Stocks move +1 %", "Stocks move -1 %"),
        ("Fed…", "Fed raises rates by 0.5 points"),
        ("!!!", "???"),
    ],
)
def test_not_the_same(one: str, other: str) -> None:
    """A single other word or number may turn the sense around."""
    assert not headline(one).matches(headline(other))


def test_abbreviations() -> None:
    """Their points do not count."""
    assert headline("U.S. inflation slows").matches(headline("US inflation slows"))
