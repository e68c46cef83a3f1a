from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from omcrm.gateways.finance_query.row import (
    change_text,
    extended,
    instrument_figures,
    mean,
    number_text,
    percent_text,
    row,
    unknown_row,
)
from omcrm.market.instrument import AssetClass
from omcrm.market.price_class import PriceClass
from omcrm.market.source import LAST_RESORT, SIMULATED
from tests.gateways.finance_query.samples import FINNHUB, figures_of, share
from tests.values import START, instrument, quote, sent, trade

# Wednesday the 4th of March 2026 in New York, and the Saturday after it.
PRE_MARKET = datetime(2026, 3, 4, 13, 0, tzinfo=UTC)
AFTER_HOURS = datetime(2026, 3, 4, 22, 0, tzinfo=UTC)
SATURDAY = datetime(2026, 3, 7, 15, 0, tzinfo=UTC)


def test_a_row_has_numbers_as_text() -> None:
    """With the instrument's decimals, and a sign for changes."""
    figures = figures_of("AAPL", "398.09", "397.15", kind=AssetClass.STOCK)

    assert {
        "symbol": "AAPL",
        "name": "AAPL",
        "price": "398.09",
        "change": "+0.94",
        "percentChange": "+0.24%",
        "price_class": "live",
        "price_basis": "trade",
        "source": "finnhub",
        "seq": 1,
    } == sent(row(figures, START))


def test_an_unreported_change_is_null() -> None:
    """Of a price alone no change is known."""
    fields = sent(row(figures_of("BTC", "60000", None), START))

    assert ("60000.00", None, None) == (fields["price"], fields["change"], fields["percentChange"])


def test_the_last_resort_is_no_price() -> None:
    """Clients of this dialect do not expect a price that is years old."""
    fixed = quote(trade("213.30"), source=LAST_RESORT, price_class=PriceClass.LAST_RESORT)
    figures = instrument_figures(instrument(), fixed)

    assert None is figures.price
    assert {**sent(unknown_row("BTC")), "name": "BTC"} == sent(row(figures, START))
    assert row(instrument_figures(instrument(), None), START) == row(figures, START)


def test_an_unknown_symbol_has_no_name() -> None:
    """It keeps its place in the list."""
    fields = sent(unknown_row("NOPE"))

    assert "NOPE" == fields.pop("symbol")
    assert {None} == set(fields.values())


def test_only_current_changes_are_fresh() -> None:
    """A stale price has a change of another time."""
    assert figures_of("BTC", "2", "1").is_fresh
    assert not figures_of("BTC", "2", "1", price_class=PriceClass.STALE).is_fresh
    assert not figures_of("BTC", "2", None).is_fresh
    assert figures_of("BTC", "2", "1", price_class=PriceClass.SIMULATED).is_simulated


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
    """It is present before the opening and after the close, if it was traded in that session."""
    figures = instrument_figures(
        share(), quote(trade("150.25", time=now), symbol="AAPL", source=FINNHUB)
    )

    assert expected == extended(figures, now)


@pytest.mark.parametrize("age", [timedelta(hours=5), timedelta(days=1), timedelta(days=-1)])
def test_a_price_of_another_session_is_left_out(age: timedelta) -> None:
    """Neither a price of the evening nor of another day's morning counts."""
    traded = trade("150.25", time=PRE_MARKET - age)
    figures = instrument_figures(share(), quote(traded, symbol="AAPL", source=FINNHUB))

    assert {} == extended(figures, PRE_MARKET)


def test_a_session_price_needs_a_time_and_a_real_share() -> None:
    """Simulated shares, coins and missing quotes have no sessions."""
    at = PRE_MARKET
    untimed = instrument_figures(share(), quote(trade("1"), symbol="AAPL", source=FINNHUB))
    simulated = instrument_figures(
        share(), quote(trade("1", time=at), symbol="AAPL", source=SIMULATED)
    )
    coin = instrument_figures(instrument(), quote(trade("1", time=at)))

    assert [{}, {}, {}, {}] == [
        extended(listing, at)
        for listing in (untimed, simulated, coin, instrument_figures(share(), None))
    ]


def test_the_change_is_exact() -> None:
    """No digit is lost before it is formatted."""
    figures = figures_of("BTC", "0.30", "0.10")

    assert (Decimal("0.2"), Decimal(200)) == (figures.change, figures.percent)


# Numbers as text


@pytest.mark.parametrize(
    ("number", "decimals", "written"),
    [
        ("398.0899", 2, "398.09"),
        ("398", 2, "398.00"),
        ("0.345", 4, "0.3450"),
        ("1E+3", None, "1000"),
        ("0.00000001", None, "0.00000001"),
        ("123456789012345678901234567890.129", 2, "123456789012345678901234567890.13"),
    ],
)
def test_a_price_has_the_instruments_digits(
    number: str, decimals: int | None, written: str
) -> None:
    """Or its own decimals, and never an exponent."""
    assert written == number_text(Decimal(number), decimals)


@pytest.mark.parametrize(
    ("number", "written"),
    [("0.94", "+0.94"), ("-1.2", "-1.20"), ("0", "+0.00"), ("-0.001", "+0.00")],
)
def test_a_change_has_its_sign(number: str, written: str) -> None:
    """Zero is always positive."""
    assert written == change_text(Decimal(number), 2)
    assert f"{written}%" == percent_text(Decimal(number))


def test_an_unknown_number_is_none() -> None:
    """There is no text for it."""
    assert None is number_text(None, 2)
    assert None is change_text(None, 2)
    assert None is percent_text(None)


def test_the_mean() -> None:
    """An empty list has none."""
    assert Decimal(2) == mean([Decimal(1), Decimal(3)])
    assert None is mean([])
