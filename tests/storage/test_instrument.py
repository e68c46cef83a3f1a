from decimal import Decimal

import pytest
from msgspec import structs
from sqlalchemy.exc import IntegrityError

from omcrm.extensions import db
from omcrm.market.instrument import AssetClass
from omcrm.market.session import Calendar
from omcrm.storage.instrument import (
    InstrumentRow,
    active_instruments,
    all_instruments,
    find_instrument,
)
from tests.values import instrument

MATIC = instrument(
    "MATIC",
    decimals=4,
    price_step=Decimal("0.0001"),
    minimum_quantity=Decimal("1.23E-7"),
    last_resort_price=Decimal("0.41"),
)


@pytest.fixture
def rows(database: None) -> list[InstrumentRow]:
    """Three instruments, the second of which is inactive."""
    made = [
        InstrumentRow.of(MATIC),
        InstrumentRow.of(instrument("OFF", AssetClass.STOCK)),
        InstrumentRow.of(instrument("EURUSD", AssetClass.FOREX, {}, last_resort_price=None)),
    ]
    made[1].active = False
    db.session.add_all(made)
    db.session.commit()
    db.session.expire_all()
    return made


def test_a_row_becomes_a_value(rows: list[InstrumentRow]) -> None:
    """Other modules use values, exact and independent of the database."""
    value = rows[0].instrument()

    assert structs.replace(MATIC, id=1) == value
    assert ("0.0001", "0.000000123", Calendar.ALWAYS) == (
        f"{value.price_step:f}",
        f"{value.minimum_quantity:f}",
        value.calendar,
    )


def test_optional_fields_are_empty(rows: list[InstrumentRow]) -> None:
    """The last-resort price and the provider symbols are empty, and the instrument is active."""
    euro = rows[2].instrument()

    assert (None, {}, True) == (euro.last_resort_price, euro.provider_symbols, rows[2].active)


def test_active_instruments_are_in_the_order_they_were_added(rows: list[InstrumentRow]) -> None:
    """Inactive ones are only in the list of all."""
    assert ["MATIC", "EURUSD"] == [instrument.symbol for instrument in active_instruments()]
    assert ["MATIC", "OFF", "EURUSD"] == [instrument.symbol for instrument in all_instruments()]


def test_is_found_by_its_symbol(rows: list[InstrumentRow]) -> None:
    """Also an inactive one; None for an unknown symbol."""
    assert rows[1] is find_instrument("OFF")
    assert None is find_instrument("off")
    assert None is find_instrument("DOGE")


def test_a_symbol_is_unique(rows: list[InstrumentRow]) -> None:
    """A second instrument of the same symbol is refused."""
    db.session.add(InstrumentRow.of(instrument("MATIC")))

    with pytest.raises(IntegrityError):
        db.session.commit()
