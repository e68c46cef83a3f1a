import pytest

from omcrm.admin.upstream_name import (
    ANYWHERE,
    SPELLINGS,
    classes_of,
    problem_of,
    provider_names,
    sources_of,
    spelled_for,
)
from omcrm.feeds.usual_name import with_usual_names
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.source import LAST_RESORT


def test_every_source_of_a_policy_has_a_spelling() -> None:
    """Only the last resort has no names."""
    asked = {source for policy in POLICIES.values() for source in policy.sources}
    given = {name for source in SPELLINGS for name in sources_of(source)}

    assert asked - {LAST_RESORT.name} == given


@pytest.mark.parametrize("source", SPELLINGS)
def test_the_catalogue_is_spelled_right(source: str) -> None:
    """The names of a new installation match the patterns of the form."""
    spelling = SPELLINGS[source]
    names = [
        instrument.provider_symbols[source]
        for instrument in map(with_usual_names, CATALOGUE)
        if source in instrument.provider_symbols
    ]

    assert names
    assert names == [spelling.normalized(f" {name} ") for name in names]
    assert all(spelling.fits(name) for name in [*names, spelling.example])


@pytest.mark.parametrize(
    ("source", "typed", "name"),
    [
        ("binance", "BTCUSDT", "btcusdt"),
        ("coinbase", "btc-usd", "BTC-USD"),
        ("kraken", "btc/usd", "BTC/USD"),
        ("coingecko", "Avalanche-2", "avalanche-2"),
        ("finnhub", "brk.b", "BRK.B"),
        ("alpha_vantage", "tsco.lon", "TSCO.LON"),
        ("massive", "BACpA", "BACpA"),
        ("frankfurter", "eurusd", "EURUSD"),
        ("simulated", "AAPL", "aapl"),
    ],
)
def test_typed_names_are_normalized(source: str, typed: str, name: str) -> None:
    """Case matters only at sources that distinguish it."""
    spelling = SPELLINGS[source]

    assert name == spelling.normalized(typed)
    assert spelling.fits(name)


@pytest.mark.parametrize("text", [None, ""])
def test_an_empty_field_stays_empty(text: str | None) -> None:
    """It is no name."""
    assert text == SPELLINGS["massive"].normalized(text)


@pytest.mark.parametrize("source", SPELLINGS)
@pytest.mark.parametrize("name", ["", " ", "a b", "A\n", "BTC-USD\n", "x" * 101, "ä", "<b>", "a@b"])
def test_an_impossible_name_does_not_fit(source: str, name: str) -> None:
    """Names are written into URLs and frames: they have no delimiters."""
    assert not SPELLINGS[source].fits(name)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("binance", "btc-usdt"),
        ("coinbase", "BTCUSD"),
        ("coinbase", "BTC/USD"),
        ("kraken", "BTC-USD"),
        ("coingecko", "../ping"),
        ("coingecko", "bitcoin,ethereum"),
        ("finnhub", "AAPL&token=x"),
        ("massive", "aapl"),
        ("exchangerate_api", "EUR/USD"),
        ("frankfurter", "EURUSDX"),
    ],
)
def test_another_sources_name_does_not_fit(source: str, name: str) -> None:
    """The source would have no price for it."""
    assert not SPELLINGS[source].fits(name)


def test_classes_have_their_sources_in_the_policys_order() -> None:
    """Sources of several classes are in a group of these, those of every class in none, and a
    second source has no field."""
    crypto, stock, forex = ([asset_class] for asset_class in AssetClass)
    coins = spelled_for(crypto)

    assert ["binance", "coinbase"] == coins[:2]
    assert coins == [name for name in POLICIES[AssetClass.CRYPTO].sources if name in coins]
    assert ["alpaca", "massive", "alpha_vantage"] == spelled_for(stock)
    assert ["massive_forex", "exchangerate_api", "frankfurter"] == spelled_for(forex)
    assert ["kraken"] == spelled_for(crypto + forex)
    assert ["finnhub"] == spelled_for(stock + forex)
    assert all(list(AssetClass) == classes_of(source) for source in ANYWHERE)


def test_a_name_is_listed_once_with_all_its_sources() -> None:
    """A stock with the same name everywhere takes one line."""
    names = dict.fromkeys(["finnhub", "finnhub_quote", "alpaca"], "AAPL") | {"simulated": "aapl"}

    assert [("AAPL", ["Finnhub", "Alpaca"]), ("aapl", ["Built-in exchange"])] == provider_names(
        names
    )
    assert [] == provider_names({})


def test_a_source_that_does_not_have_it_is_not_listed() -> None:
    """The stored name is empty there."""
    assert [("BTC/USD", ["Kraken"])] == provider_names({"kraken": "BTC/USD", "coinbase": ""})
    assert None is problem_of("kraken", "-", "crypto")


def test_a_name_of_some_of_a_fields_sources_is_listed() -> None:
    """Older installations may have a name at one of them only, or different names."""
    assert [("A", ["Finnhub"])] == provider_names({"finnhub_quote": "A"})
    assert [("A", ["Finnhub"]), ("B", ["Finnhub"])] == provider_names(
        {"finnhub": "A", "finnhub_quote": "B"}
    )
