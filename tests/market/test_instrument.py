from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import (
    AssetClass,
    Instrument,
    canonical_symbol,
    canonical_symbols,
)
from tests.values import instrument


@pytest.mark.parametrize(
    ("asset_class", "group"),
    [
        (AssetClass.CRYPTO, "crypto"),
        (AssetClass.STOCK, "stocks"),
        (AssetClass.FOREX, "forex"),
    ],
)
def test_each_asset_class_has_its_group(asset_class: AssetClass, group: str) -> None:
    """Each asset class has the name of its group in responses."""
    assert group == asset_class.group


def test_an_instrument_is_immutable() -> None:
    """Setting a field of an instrument raises an error; a changed copy is possible."""
    gold = instrument("XAU", AssetClass.FOREX)

    with pytest.raises(AttributeError):
        gold.last_resort_price = Decimal(1)
    assert "gold" == msgspec.structs.replace(gold, name="gold").name


@given(st.sampled_from(CATALOGUE), st.data())
def test_case_and_spaces_are_no_part_of_a_symbol(listed: Instrument, data: st.DataObject) -> None:
    """Every spelling of a symbol has the catalogue's symbol as its canonical one."""
    spaces = st.text(" \t\r\n", max_size=3)
    letters = [data.draw(st.sampled_from((letter, letter.lower()))) for letter in listed.symbol]
    spelling = data.draw(spaces) + "".join(letters) + data.draw(spaces)

    assert listed.symbol == canonical_symbol(spelling)
    assert [listed.symbol] == canonical_symbols([spelling, listed.symbol])


@given(st.text())
def test_a_canonical_symbol_stays_the_same(text: str) -> None:
    """The canonical form of a canonical symbol is the same symbol."""
    assert canonical_symbol(text) == canonical_symbol(canonical_symbol(text))


@pytest.mark.parametrize("text", ["ſol", "ﬁ", "mațic", "ß"])
def test_other_alphabets_are_left_unchanged(text: str) -> None:
    """Letters whose capitals would be Latin ones are not changed."""
    assert text == canonical_symbol(text)
