from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from omcrm.extensions import db
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.storage.instrument import (
    InstrumentRow,
    active_instruments,
    all_instruments,
    find_instrument,
)


@pytest.fixture
def rows(database: None) -> list[InstrumentRow]:
    """Three instruments, the second of which is inactive."""
    made = [
        InstrumentRow(
            symbol="MATIC",
            name="Polygon",
            asset_class="crypto",
            decimals=4,
            last_resort_price=Decimal("0.4100"),
            provider_symbols={"binance": "polusdt"},
        ),
        InstrumentRow(symbol="OFF", name="Off", asset_class="stock", decimals=2, active=False),
        InstrumentRow(symbol="EURUSD", name="Euro", asset_class="forex", decimals=5),
    ]
    db.session.add_all(made)
    db.session.commit()
    db.session.expire_all()
    return made


def test_a_row_becomes_a_value(rows: list[InstrumentRow]) -> None:
    """Other modules use values, exact and independent of the database."""
    assert (
        Instrument(
            id=1,
            symbol="MATIC",
            name="Polygon",
            asset_class=AssetClass.CRYPTO,
            decimals=4,
            last_resort_price=Decimal("0.41"),
            provider_symbols={"binance": "polusdt"},
        )
        == rows[0].instrument()
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
    db.session.add(InstrumentRow(symbol="MATIC", name="x", asset_class="crypto", decimals=2))

    with pytest.raises(IntegrityError):
        db.session.commit()
