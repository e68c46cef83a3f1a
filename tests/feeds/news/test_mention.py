import pytest
from msgspec import structs

from omcrm.feeds.news.mention import Mentions
from omcrm.market.catalogue import CATALOGUE

MENTIONS = Mentions(CATALOGUE)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("Apple unveils a phone", "AAPL"),
        ("Why $TSLA fell", "TSLA"),
        ("Chipmaker (NASDAQ: NVDA) gains", "NVDA"),
        ("Both (AAPL, MSFT) gain", "AAPL MSFT"),
        ("Nvidia and JPMorgan rise", "NVDA JPM"),
        ("JPMorgan Chase & Co.", "JPM"),
        ("Bitcoin's new high", "BTC"),
        ("It trades at (BTC-USD) 61,000", "BTC"),
        ("ETH/USDT at 2,680", "ETH"),
        ("EUR/USD slips; GBPUSD steady", "EURUSD GBPUSD"),
        ("Avalanche token rallies", "AVAX"),
        ("Meta Platforms' profit", "META"),
        ("Simulated: Polygon (MATIC) rises", "MATIC"),
    ],
)
def test_is_mentioned(text: str, symbols: str) -> None:
    """By cashtag, in parentheses, as a pair, or by name."""
    assert tuple(symbols.split()) == MENTIONS.find(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "an apple a day",
        "Applebee's menu",
        "Pineapple and SnApple",
        "Amazon rainforest burns",
        "Apple pie for all",
        "Avalanche kills three skiers",
        "A polygon has corners",
        "Meta-analysis of data",
        "$AAPLE and AAPL and US$BTC",
        "SOL is the sun, DOT a department",
        "The law (Americans with Disabilities Act, ADA) holds",
        "Alphabetical order",
    ],
)
def test_is_not_mentioned(text: str) -> None:
    """Ambiguous words are no mention."""
    assert () == MENTIONS.find(text)


def test_names_are_no_patterns() -> None:
    """Special characters of a name are matched literally."""
    odd = [
        structs.replace(CATALOGUE[8], symbol=symbol, name=name)
        for symbol, name in (("A.B", "(.*)+ ["), ("X", ""), ("Y", "a"))
    ]

    assert () == Mentions(odd).find("anything at all")
    assert ("A.B",) == Mentions(odd).find("about $A.B now")
