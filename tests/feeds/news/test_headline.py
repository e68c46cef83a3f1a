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
    """Case, articles, publisher and "breaking" do not make another headline."""
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
    """One other word or number makes another headline."""
    assert not headline(one).matches(headline(other))


def test_abbreviations() -> None:
    """Their points are ignored."""
    assert headline("U.S. inflation slows").matches(headline("US inflation slows"))
