from decimal import Decimal

import msgspec
import pytest

from omcrm.market.instrument import AssetClass, Instrument


@pytest.mark.parametrize(
    ("asset_class", "group"),
    [
        (AssetClass.CRYPTO, "crypto"),
        (AssetClass.STOCK, "stocks"),
        (AssetClass.FOREX, "forex"),
    ],
)
def test_answers_group_by_class(asset_class: AssetClass, group: str) -> None:
    """Each class of instrument has the word that groups it in answers."""
    assert group == asset_class.group


def test_needs_neither_a_last_resort_nor_a_provider() -> None:
    """An instrument may have no price of last resort and be unknown upstream."""
    gold = Instrument(symbol="XAU", name="Gold", asset_class=AssetClass.FOREX, decimals=2)

    assert (None, {}, 0) == (gold.last_resort_price, gold.provider_symbols, gold.id)


def test_cannot_be_altered() -> None:
    """An instrument is a value; another one takes its place."""
    gold = Instrument(symbol="XAU", name="Gold", asset_class=AssetClass.FOREX, decimals=2)

    with pytest.raises(AttributeError):
        gold.last_resort_price = Decimal(1)
    assert "gold" == msgspec.structs.replace(gold, name="gold").name
