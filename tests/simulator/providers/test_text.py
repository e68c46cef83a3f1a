from decimal import Decimal

import pytest

from simulator import event
from simulator.providers.text import encode, iso, number, plain, read_top, read_trade
from simulator.simulated_trade import SimulatedTrade, Top

ONE = 10**8


def test_events_are_read_back() -> None:
    """Binance's events become the same values again."""
    trade = SimulatedTrade(7, 61837_63000000, 15000, 1767623400253, True)
    top = Top(9, 61837_62000000, 1, 61837_63000000, 2 * ONE)

    assert trade == read_trade(event.trade("BTCUSDT", trade, 1767623400300))
    assert top == read_top(event.book_ticker("BTCUSDT", top))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (61837_63000000, "61837.63"),
        (100 * ONE, "100"),
        (ONE, "1"),
        (1, "0.00000001"),
        (10, "0.0000001"),
        (0, "0"),
        (-50000000, "-0.5"),
        (10**20, "1000000000000"),
    ],
)
def test_numbers_have_no_trailing_zeros(value: int, text: str) -> None:
    """As a string, and exactly as a JSON number."""
    assert text == plain(value)
    assert Decimal(text) == number(value)


def test_decimals_are_written_as_numbers() -> None:
    """No digit is lost, and nothing is quoted."""
    assert b'{"usd":91234.12345678,"n":null}' == encode({"usd": number(9123412345678), "n": None})
    assert Decimal("1E-8") == Decimal(encode(number(1)).decode())


@pytest.mark.parametrize(
    ("milliseconds", "digits", "text"),
    [
        (1767623400253, 6, "2026-01-05T14:30:00.253000Z"),
        (1767623400253, 9, "2026-01-05T14:30:00.253000000Z"),
        (1767623400253, 3, "2026-01-05T14:30:00.253Z"),
        (1767623400253, 1, "2026-01-05T14:30:00.2Z"),
        (1767623400253, 0, "2026-01-05T14:30:00Z"),
        (1767623400003, 6, "2026-01-05T14:30:00.003000Z"),
        (1767225599999, 6, "2025-12-31T23:59:59.999000Z"),
        (0, 6, "1970-01-01T00:00:00.000000Z"),
    ],
)
def test_times_have_so_many_digits(milliseconds: int, digits: int, text: str) -> None:
    """Truncated, not rounded."""
    assert text == iso(milliseconds, digits)
