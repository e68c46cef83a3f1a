import pytest

from omcrm.admin.upstream_name import (
    ANYWHERE,
    SPELLINGS,
    called,
    classes_of,
    sources_of,
    spelled_for,
)
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.source import LAST_RESORT


def test_every_source_of_a_policy_can_be_given_a_name() -> None:
    """A new source gets its line; only the last resort has no names."""
    asked = {source for policy in POLICIES.values() for source in policy.sources}
    given = {name for source in SPELLINGS for name in sources_of(source)}

    assert asked - {LAST_RESORT.name} == given


@pytest.mark.parametrize("source", SPELLINGS)
def test_the_catalogue_is_spelled_right(source: str) -> None:
    """What a new installation calls its instruments could have been typed in."""
    spelling = SPELLINGS[source]
    names = [
        instrument.provider_symbols[source]
        for instrument in CATALOGUE
        if source in instrument.provider_symbols
    ]

    assert names
    assert names == [spelling.put_right(f" {name} ") for name in names]
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
def test_what_is_typed_is_put_right(source: str, typed: str, name: str) -> None:
    """Case matters only where the source makes a difference of it."""
    spelling = SPELLINGS[source]

    assert name == spelling.put_right(typed)
    assert spelling.fits(name)


@pytest.mark.parametrize("text", [None, ""])
def test_nothing_stays_nothing(text: str | None) -> None:
    """A field that was left out is no name."""
    assert text == SPELLINGS["massive"].put_right(text)


@pytest.mark.parametrize("source", SPELLINGS)
@pytest.mark.parametrize("name", ["", " ", "a b", "A\n", "BTC-USD\n", "x" * 101, "ä", "<b>", "a@b"])
def test_what_no_source_would_say_does_not_fit(source: str, name: str) -> None:
    """A name goes into URLs and frames: nothing in it may end them early."""
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
    """A name from elsewhere would never bring a price."""
    assert not SPELLINGS[source].fits(name)


def test_classes_have_their_sources_in_the_policys_order() -> None:
    """What serves every class stands in none of them."""
    assert ["binance", "coinbase", "kraken", "coingecko"] == spelled_for(AssetClass.CRYPTO)
    assert ["finnhub", "alpaca", "massive", "alpha_vantage"] == spelled_for(AssetClass.STOCK)
    assert ["exchangerate_api", "frankfurter"] == spelled_for(AssetClass.FOREX)
    assert all(list(AssetClass) == classes_of(source) for source in ANYWHERE)


def test_a_name_is_told_once_with_all_who_use_it() -> None:
    """A stock that is called the same everywhere takes one line."""
    names = dict.fromkeys(["finnhub", "finnhub_quote", "alpaca"], "AAPL") | {"simulated": "aapl"}

    assert [("AAPL", ["Finnhub", "Alpaca"]), ("aapl", ["Built-in exchange"])] == called(names)
    assert [] == called({})


def test_a_name_that_only_some_of_a_fields_sources_use_is_told() -> None:
    """Older installations may know the one and not the other, or call them differently."""
    assert [("A", ["Finnhub"])] == called({"finnhub_quote": "A"})
    assert [("A", ["Finnhub"]), ("B", ["Finnhub"])] == called(
        {"finnhub": "A", "finnhub_quote": "B"}
    )
