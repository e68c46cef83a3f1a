from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from omcrm.extensions import db
from omcrm.market.catalogue import CATALOGUE
from omcrm.market.price_class import PriceClass
from omcrm.market.tick import Trade
from omcrm.storage.asset_price import AssetPriceRow, StoredPrice, latest_prices, write_prices
from omcrm.storage.instrument import InstrumentRow
from tests.values import quote


@pytest.fixture
def instruments(database: None) -> None:
    """BTC and ETH."""
    db.session.add_all(map(InstrumentRow.of, CATALOGUE[:2]))
    db.session.commit()


def price(symbol: str, value: str, at: datetime, kind: PriceClass = PriceClass.LIVE) -> StoredPrice:
    return StoredPrice(
        symbol=symbol,
        price=Decimal(value),
        price_class=kind,
        source="binance",
        provider_time=None,
        received_at=at,
    )


def write(*prices: StoredPrice, now: datetime) -> dict[str, StoredPrice]:
    """The stored prices afterwards."""
    write_prices(prices, now)
    db.session.commit()
    db.session.expire_all()
    return latest_prices()


def test_a_price_is_stored_exactly(instruments: None, now: datetime) -> None:
    """Every digit, with its class, source and times."""
    price = StoredPrice(
        symbol="BTC",
        price=Decimal("61837.6300000000000000001"),
        price_class=PriceClass.INDICATIVE,
        source="coingecko",
        provider_time=now - timedelta(minutes=1),
        received_at=now,
    )

    assert {"BTC": price} == write(price, now=now)


def test_there_is_one_price_of_each_symbol(instruments: None, now: datetime) -> None:
    """A newer price replaces the older one."""
    first, second = price("BTC", "1", now), price("BTC", "2", now + timedelta(seconds=1))
    other = price("ETH", "3", now)
    write(first, other, now=now)

    assert {"BTC": second, "ETH": other} == write(second, now=now)
    assert 2 == db.session.scalar(select(func.count()).select_from(AssetPriceRow))


def test_an_older_price_changes_nothing(instruments: None, now: datetime) -> None:
    """A price that was received before the stored one is ignored, although it is written later."""
    newer = price("BTC", "2", now)
    write(newer, now=now)

    assert {"BTC": newer} == write(price("BTC", "1", now - timedelta(seconds=1)), now=now)


def test_the_class_changes_while_the_price_stays(instruments: None, now: datetime) -> None:
    """A price that was received at the same time may be stale by now."""
    write(price("BTC", "2", now), now=now)
    stale = price("BTC", "2", now, PriceClass.STALE)

    assert {"BTC": stale} == write(stale, now=now)


def test_no_prices_and_unknown_symbols(instruments: None, now: datetime) -> None:
    """A symbol without an instrument is skipped."""
    assert {} == write(now=now)
    assert {} == write(price("NONE", "1", now), now=now)


def test_a_quote_is_stored_with_its_origin(now: datetime) -> None:
    """Its price, class, source and both times."""
    made = StoredPrice.of(quote(Trade(Decimal(5), time=now - timedelta(seconds=1)), at=now))

    assert PriceClass.LIVE is made.price_class
    assert (Decimal(5), "binance", now - timedelta(seconds=1), now) == (
        made.price,
        made.source,
        made.provider_time,
        made.received_at,
    )


@pytest.mark.parametrize("kind", list(PriceClass))
def test_every_class_can_be_stored(instruments: None, now: datetime, kind: PriceClass) -> None:
    """Its column is wide enough for each name."""
    assert kind is write(price("BTC", "1", now, kind), now=now)["BTC"].price_class
    assert len(kind.value) <= AssetPriceRow.price_class.type.length
