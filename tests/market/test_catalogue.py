from decimal import Decimal

import pytest

from omcrm.market.catalogue import CATALOGUE, DEFAULTS, UNKNOWN_SCALE, ClassDefaults
from omcrm.market.instrument import AssetClass, Instrument


@pytest.mark.parametrize("instrument", CATALOGUE, ids=lambda instrument: instrument.symbol)
def test_each_can_be_shown_and_simulated(instrument: Instrument) -> None:
    """Every instrument has a name, a last-resort price in its decimals and a simulated symbol."""
    price = instrument.last_resort_price

    assert instrument.name
    assert price is not None
    assert 0 < price == round(price, instrument.decimals)
    assert instrument.provider_symbols["simulated"].isalnum()
    assert instrument.provider_symbols["simulated"].islower()


@pytest.mark.parametrize("source", ["binance", "simulated"])
def test_no_two_instruments_share_a_provider_symbol(source: str) -> None:
    """Each symbol of a provider belongs to one instrument."""
    names = [
        instrument.provider_symbols[source]
        for instrument in CATALOGUE
        if source in instrument.provider_symbols
    ]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("instrument", CATALOGUE, ids=lambda instrument: instrument.symbol)
def test_each_has_usual_terms(instrument: Instrument) -> None:
    """Prices go in steps of the last shown digit; calendar and quantities are the class's."""
    usual = DEFAULTS[instrument.asset_class]

    assert Decimal(1).scaleb(-instrument.decimals) == instrument.price_step
    assert UNKNOWN_SCALE == instrument.storage_scale
    assert usual.calendar is instrument.calendar
    assert usual.quantity_step == instrument.quantity_step == instrument.minimum_quantity
    assert usual.maximum_quantity == instrument.maximum_quantity


@pytest.mark.parametrize("instrument", CATALOGUE, ids=lambda instrument: instrument.symbol)
def test_each_has_its_currency(instrument: Instrument) -> None:
    """A forex pair is quoted in its second currency, everything else in dollars."""
    is_pair = instrument.asset_class is AssetClass.FOREX

    assert (instrument.symbol[3:] if is_pair else "USD") == instrument.currency


def test_no_two_share_a_symbol() -> None:
    """A symbol names one instrument."""
    assert len(CATALOGUE) == len({instrument.symbol for instrument in CATALOGUE})


@pytest.mark.parametrize("usual", DEFAULTS.values())
def test_the_usual_quantities_go_together(usual: ClassDefaults) -> None:
    """The maximum is a multiple of the step, which is also the minimum."""
    assert 0 < usual.quantity_step < usual.maximum_quantity
    assert 0 == usual.maximum_quantity % usual.quantity_step
