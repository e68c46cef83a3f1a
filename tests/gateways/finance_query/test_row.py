from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from omcrm.gateways.finance_query.row import extended, row, standing, unknown_row
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED
from tests.gateways.finance_query.samples import FINNHUB, share, stands
from tests.values import START, instrument, quote, trade

# Wednesday the 4th of March 2026 in New York, and the Saturday after it.
PRE_MARKET = datetime(2026, 3, 4, 13, 0, tzinfo=UTC)
AFTER_HOURS = datetime(2026, 3, 4, 22, 0, tzinfo=UTC)
SATURDAY = datetime(2026, 3, 7, 15, 0, tzinfo=UTC)


def test_a_row_has_its_numbers_in_texts() -> None:
    """With the instrument's digits, and signs where something has moved."""
    told = stands("AAPL", "398.09", "397.15", kind=AssetClass.STOCK)

    assert {
        "symbol": "AAPL",
        "name": "AAPL",
        "price": "398.09",
        "change": "+0.94",
        "percentChange": "+0.24%",
        "price_class": "live",
        "source": "finnhub",
        "seq": 1,
    } == row(told, START)


def test_what_its_source_does_not_say_is_null() -> None:
    """A price alone has not moved as far as anybody knows."""
    told = row(stands("BTC", "60000", None), START)

    assert ("60000.00", None, None) == (told["price"], told["change"], told["percentChange"])


def test_the_last_resort_is_no_price() -> None:
    """Nobody who reads this dialect expects a figure of years ago."""
    fixed = quote(trade("213.30"), source=LAST_RESORT, price_class=PriceClass.LAST_RESORT)
    told = standing(instrument(), fixed)

    assert None is told.price
    assert {**unknown_row("BTC"), "name": "BTC"} == row(told, START)
    assert row(standing(instrument(), None), START) == row(told, START)


def test_an_unknown_symbol_has_no_name() -> None:
    """It keeps its place in the list."""
    told = unknown_row("NOPE")

    assert "NOPE" == told.pop("symbol")
    assert {None} == set(told.values())


def test_only_what_moves_now_is_fresh() -> None:
    """A stale price has a movement, but of another time."""
    assert stands("BTC", "2", "1").is_fresh
    assert not stands("BTC", "2", "1", price_class=PriceClass.STALE).is_fresh
    assert not stands("BTC", "2", None).is_fresh
    assert stands("BTC", "2", "1", price_class=PriceClass.SIMULATED).is_simulated


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (PRE_MARKET, {"preMarketPrice": "150.25"}),
        (AFTER_HOURS, {"afterHoursPrice": "150.25"}),
        (START, {}),
        (SATURDAY, {}),
    ],
)
def test_a_price_outside_of_the_session(now: datetime, expected: dict[str, str]) -> None:
    """Before the opening and after the close there is one, if it was traded just then."""
    told = standing(share(), quote(trade("150.25", time=now), symbol="AAPL", source=FINNHUB))

    assert expected == extended(told, now)


@pytest.mark.parametrize("age", [timedelta(hours=5), timedelta(days=1), timedelta(days=-1)])
def test_a_price_of_another_session_is_none_of_this_one(age: timedelta) -> None:
    """Neither that of the evening nor that of yesterday's morning."""
    traded = trade("150.25", time=PRE_MARKET - age)
    told = standing(share(), quote(traded, symbol="AAPL", source=FINNHUB))

    assert {} == extended(told, PRE_MARKET)


def test_who_does_not_say_when_it_was_traded_tells_no_such_price() -> None:
    """And simulated shares, coins and the last resort know no sessions at all."""
    at = PRE_MARKET
    untimed = standing(share(), quote(trade("1"), symbol="AAPL", source=FINNHUB))
    simulated = standing(share(), quote(trade("1", time=at), symbol="AAPL", source=SIMULATED))
    coin = standing(instrument(), quote(trade("1", time=at)))

    assert [{}, {}, {}, {}] == [
        extended(listing, at) for listing in (untimed, simulated, coin, standing(share(), None))
    ]


def test_the_change_is_exact() -> None:
    """No digit is lost before it is written."""
    told = stands("BTC", "0.30", "0.10")

    assert (Decimal("0.2"), Decimal(200)) == (told.change, told.percent)
