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


@given(st.sampled_from(CATALOGUE), st.data())
def test_case_and_spaces_are_no_part_of_a_symbol(
    instrument: Instrument, data: st.DataObject
) -> None:
    """Every spelling of a symbol has one canonical one, which is that of the catalogue."""
    spaces = st.text(" \t\r\n", max_size=3)
    letters = [data.draw(st.sampled_from((letter, letter.lower()))) for letter in instrument.symbol]
    spelling = data.draw(spaces) + "".join(letters) + data.draw(spaces)

    assert instrument.symbol == canonical_symbol(spelling)
    assert [instrument.symbol] == canonical_symbols([spelling, instrument.symbol])


@given(st.text())
def test_what_is_canonical_stays_so(text: str) -> None:
    """Reading a symbol twice gives the same as reading it once."""
    assert canonical_symbol(text) == canonical_symbol(canonical_symbol(text))


@pytest.mark.parametrize("text", ["ſol", "ﬁ", "mațic", "ß"])
def test_other_alphabets_are_left_alone(text: str) -> None:
    """Capitals that would be Latin letters make no symbol of another word."""
    assert text == canonical_symbol(text)
