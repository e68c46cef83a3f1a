from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET, structs

from omcrm.market.bar import Bar
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis, Quote, StaleReason
from omcrm.market.tick import DayFigures, TopOfBook, Trade
from omcrm.wire import encoding
from omcrm.wire.desk import DeskCandle, DeskPriceUpdate
from omcrm.wire.encoding import iso
from tests.values import KRAKEN, PRICE_UPDATE_FIELDS, START, after, book, quote, sent, trade

DAY = DayFigures(high=Decimal(9))
ADDED = {"open_24h"}
COMPLETE = quote(
    Trade(Decimal("67234.56"), Decimal("0.5"), 10, after(-0.4)),
    TopOfBook(Decimal("67234.55"), Decimal("67234.57"), Decimal("1.5"), Decimal("0.25"), 9),
    DayFigures(
        Decimal("65700.10"),
        Decimal("67900"),
        Decimal("65000.5"),
        Decimal("1234.5"),
        Decimal("2.34"),
        START,
    ),
    seq=18151,
    at=after(0.123456),
)


def fields_of(quote: Quote) -> dict[str, Any]:
    """The fields of its `price_update`."""
    fields = structs.asdict(DeskPriceUpdate.of(quote))
    return {name: value for name, value in fields.items() if value is not UNSET}


def test_what_is_wrong_with_a_price_is_sent_only_where_something_is() -> None:
    """The reason of a stale price, and how far another live source is."""
    stale = structs.replace(
        COMPLETE, price_class=PriceClass.STALE, stale_reason=StaleReason.CONTRADICTED
    )
    apart = structs.replace(COMPLETE, divergence=0.031)

    assert {"stale_reason": "contradicted"} == {
        name: value for name, value in fields_of(stale).items() if name not in fields_of(COMPLETE)
    }
    assert {"divergence": 0.031} == {
        name: value for name, value in fields_of(apart).items() if name not in fields_of(COMPLETE)
    }


def test_all_fields_of_a_complete_quote() -> None:
    """Each value has the name that the contract gives it."""
    assert {
        "symbol": "BTC",
        "price": Decimal("67234.56"),
        "change_24h": Decimal("2.34"),
        "timestamp": "2026-03-04T15:00:00.123Z",
        "bid": Decimal("67234.55"),
        "ask": Decimal("67234.57"),
        "open_24h": Decimal("65700.10"),
        "high_24h": Decimal("67900"),
        "low_24h": Decimal("65000.5"),
        "volume_24h": Decimal("1234.5"),
        "source": "binance",
        "price_class": "live",
        "price_basis": "trade",
        "provider_time": "2026-03-04T14:59:59.600Z",
        "received_at": "2026-03-04T15:00:00.123Z",
        "seq": 18151,
    } == fields_of(COMPLETE)


def test_has_the_fields_of_the_contract_and_our_additions() -> None:
    """No field is missing, renamed or unexpected, whatever is known."""
    for sample in (COMPLETE, quote(trade("1"))):
        assert PRICE_UPDATE_FIELDS | ADDED == set(fields_of(sample))


def test_absent_values_are_null() -> None:
    """Values that the source did not report are null."""
    body = fields_of(quote(trade("1")))
    unknown = {name for name, value in body.items() if value is None}

    assert {
        "change_24h",
        "bid",
        "ask",
        "open_24h",
        "high_24h",
        "low_24h",
        "volume_24h",
        "provider_time",
    } == unknown


@pytest.mark.parametrize("price_class", PriceClass)
def test_the_price_class_is_its_name(price_class: PriceClass) -> None:
    """Clients read the price class as text."""
    body = fields_of(quote(trade("1"), price_class=price_class))

    assert price_class.value == body["price_class"]


def test_received_at_is_the_time_of_the_last_tick() -> None:
    """Day figures that came after the trade are newer than it."""
    body = fields_of(structs.replace(COMPLETE, seq=2, received_at=after(5)))

    assert "2026-03-04T15:00:05.000Z" == body["received_at"] == body["timestamp"]
    assert "2026-03-04T14:59:59.600Z" == body["provider_time"]


def test_prices_are_exact_numbers_on_the_wire() -> None:
    """Prices are numbers, digit for digit."""
    text = encoding.dumps(DeskPriceUpdate.of(COMPLETE))

    assert '"price":67234.56,' in text
    assert '"open_24h":65700.10,' in text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (None, None),
        (START, "2026-03-04T15:00:00.000Z"),
        (after(0.001), "2026-03-04T15:00:00.001Z"),
        (after(0.0019), "2026-03-04T15:00:00.001Z"),
        (
            datetime(2026, 3, 4, 10, 0, tzinfo=timezone(timedelta(hours=-5))),
            "2026-03-04T15:00:00.000Z",
        ),
    ],
)
def test_times_are_utc_with_milliseconds(time: datetime | None, text: str | None) -> None:
    """Every time has one format, and None is null."""
    assert text == iso(time)


def test_a_candle_has_its_open_time() -> None:
    """A candle has the fields of `price_history`."""
    figures = [Decimal(name) for name in ("1", "4", "0.5", "2", "10")]

    assert {
        "timestamp": "2026-03-04T15:00:00.000Z",
        "open": Decimal(1),
        "high": Decimal(4),
        "low": Decimal("0.5"),
        "close": Decimal(2),
        "volume": Decimal(10),
        "price_basis": "mid",
    } == structs.asdict(DeskCandle.of(Bar(START, *figures, PriceBasis.MID)))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (quote(trade("100", 2), book("99", "101", 2), DAY, seq=2, at=after(3)), True),
        (quote(trade("100.1", 2), book("99", "101"), DAY, seq=2), False),
        (quote(trade("100", 1), book("99", "100.9"), DAY, seq=2), False),
        (quote(trade("100", 1), book("98", "101"), DAY, seq=2), False),
        (quote(trade("100", 1), DAY, seq=2), False),
        (quote(trade("100", 1), book("99", "101"), DayFigures(high=Decimal(8)), seq=2), True),
        (quote(trade("100", 1), book("99", "101"), DAY, source=KRAKEN), False),
        (quote(trade("100", 1), book("99", "101"), DAY, price_class=PriceClass.STALE), False),
    ],
)
def test_alike_quotes(other: Quote, same: bool) -> None:
    """Quotes are alike if only their number, ids, sizes, day figures or ages differ."""
    one = quote(trade("100", 1), book("99", "101", 1), DAY)

    assert same is other.is_alike(one)


def test_a_replayed_price_has_the_date_of_its_recording() -> None:
    """A price of now has no such field."""
    replayed = structs.replace(COMPLETE, price_class=PriceClass.REPLAYED, recorded_at=START)
    body = sent(DeskPriceUpdate.of(replayed))

    assert ("replayed", "2026-03-04T15:00:00.000Z") == (body["price_class"], body["recorded_at"])
    assert "recorded_at" not in sent(DeskPriceUpdate.of(COMPLETE))
