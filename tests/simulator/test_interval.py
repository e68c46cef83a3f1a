from datetime import UTC, datetime

import pytest

from simulator.interval import closing, opening


def ms(*date: int) -> int:
    """The moment of a UTC date, in ms."""
    return int(datetime(*date, tzinfo=UTC).timestamp()) * 1000  # type: ignore[misc]


@pytest.mark.parametrize(
    ("interval", "opens", "closes"),
    [
        ("1s", ms(2026, 1, 7, 14, 37, 41), ms(2026, 1, 7, 14, 37, 42) - 1),
        ("1m", ms(2026, 1, 7, 14, 37), ms(2026, 1, 7, 14, 38) - 1),
        ("4h", ms(2026, 1, 7, 12), ms(2026, 1, 7, 16) - 1),
        ("1d", ms(2026, 1, 7), ms(2026, 1, 8) - 1),
        ("1w", ms(2026, 1, 5), ms(2026, 1, 12) - 1),
        ("1M", ms(2026, 1, 1), ms(2026, 2, 1) - 1),
    ],
)
def test_a_bar_opens_where_binance_opens_it(interval: str, opens: int, closes: int) -> None:
    """Minutes, days, weeks from Monday and calendar months begin and end in UTC."""
    time = ms(2026, 1, 7, 14, 37, 41) + 250

    assert opens == opening(interval, time)
    assert closes == closing(interval, opens)


def test_december_ends_with_the_year() -> None:
    """The month after December is next year's January."""

    assert ms(2027, 1, 1) - 1 == closing("1M", ms(2026, 12, 1))
