import re

import pytest
from msgspec import structs

from omcrm.feeds.declaration import Declaration, Spelling
from omcrm.feeds.providers import _template
from omcrm.feeds.usual_name import NOT_THERE, usual_name, with_usual_names
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source
from tests.values import instrument

CRYPTO, FOREX = AssetClass.CRYPTO, AssetClass.FOREX
BY_SYMBOL = {item.symbol: item for item in CATALOGUE}


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Declaration:
    """A provider of coins that no instrument knows yet."""
    (crypto, *others) = POLICIES[AssetClass.CRYPTO].sources
    policy = structs.replace(POLICIES[AssetClass.CRYPTO], sources=(crypto, "added", *others))
    monkeypatch.setitem(POLICIES, AssetClass.CRYPTO, policy)
    spelling = Spelling(
        example="X:BTC",
        pattern=re.compile("X:[A-Z0-9]{1,10}"),
        case="upper",
        usual={CRYPTO: "x:{code}"},
    )
    stream = structs.replace(_template.STREAM, source=Source("added", PriceClass.LIVE))
    return structs.replace(_template.PROVIDER, name="added", spelling=spelling, stream=stream)


def name_at(declaration: Declaration, item: Instrument) -> str | None:
    return with_usual_names(item, [declaration]).provider_symbols.get("added")


def test_an_instrument_has_the_usual_name_at_a_new_provider(added: Declaration) -> None:
    """Without a stored name, and beside its stored names of other sources."""
    named = with_usual_names(BY_SYMBOL["BTC"], [added])

    assert {**BY_SYMBOL["BTC"].provider_symbols, "added": "X:BTC"} == named.provider_symbols
    assert "X:NEW" == name_at(added, instrument("NEW", provider_symbols={}))


def test_the_coin_is_that_of_the_stored_names(added: Declaration) -> None:
    """A coin may have an old symbol here; another coin may have that symbol elsewhere."""
    assert "X:POL" == name_at(added, BY_SYMBOL["MATIC"])
    assert "X:PAXG" == name_at(added, instrument("GOLD", provider_symbols={"kraken": "PAXG/USD"}))
    assert "X:GOLD" == name_at(added, instrument("GOLD", provider_symbols={"coingecko": "paxg"}))


def test_a_stored_name_wins(added: Declaration) -> None:
    """Also one that says that the instrument is not there."""
    assert "X:OTHER" == name_at(added, instrument(provider_symbols={"added": "X:OTHER"}))
    assert None is name_at(added, instrument(provider_symbols={"added": NOT_THERE}))


def test_only_the_policy_s_classes_have_names(added: Declaration) -> None:
    """And only what can be a name there."""
    assert None is name_at(added, BY_SYMBOL["AAPL"])
    assert None is name_at(added, BY_SYMBOL["EURUSD"])
    assert None is name_at(added, instrument("A.LONG-SYMBOL", provider_symbols={}))


def test_a_provider_without_a_rule_has_stored_names_only(added: Declaration) -> None:
    """The names that the first instruments were stored with stay all there are."""
    without = structs.replace(added, spelling=structs.replace(added.spelling, usual={}))

    assert None is usual_name(without, BY_SYMBOL["BTC"])
    assert None is name_at(without, BY_SYMBOL["BTC"])


@pytest.mark.parametrize(
    ("symbol", "names"),
    [
        ("EURUSD", ("EUR/USD", "OANDA:EUR_USD", "EUR/USD")),
        ("USDJPY", ("USD/JPY", "OANDA:USD_JPY", "USD/JPY")),
        ("NZDUSD", (None, "OANDA:NZD_USD", "NZD/USD")),
    ],
)
def test_currencies_have_names_at_the_streams(
    symbol: str, names: tuple[str | None, str, str]
) -> None:
    """Also where an installation was made before there were any; Kraken has not all of them."""
    named = with_usual_names(BY_SYMBOL[symbol]).provider_symbols

    assert names == tuple(named.get(source) for source in ("kraken", "finnhub", "massive_forex"))
    assert not {"finnhub_quote", "massive", "okx"} & named.keys()


def test_seven_of_the_first_pairs_are_at_kraken() -> None:
    """It has no market in New Zealand dollars."""
    pairs = [item for item in CATALOGUE if item.asset_class is FOREX]
    there = [item for item in pairs if "kraken" in with_usual_names(item).provider_symbols]

    assert (8, 7) == (len(pairs), len(there))


def test_only_a_pair_of_currencies_has_such_a_name() -> None:
    """Another symbol of the class could mean anything."""
    assert {} == with_usual_names(instrument("GOLD", FOREX, {})).provider_symbols
