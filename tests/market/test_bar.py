"""Bars are built from quotes.

Long for a reason: one bar, which trades count, longer timeframes and bounds belong to one class.
"""

import random
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.market.bar import KEPT, TIMEFRAMES, Bar, BarBuilder, Timeframe, opening
from omcrm.market.consolidator import Consolidator
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis
from omcrm.market.source import SIMULATED, HealthState
from omcrm.market.tick import DayFigures, Trade
from omcrm.market.validation import Validator
from tests.values import KRAKEN, START, after, book, instrument, quote, tick, trade


def built(trades: Iterable[Trade]) -> BarBuilder:
    bars = BarBuilder()
    for seq, traded in enumerate(trades, 1):
        bars.take(quote(traded, seq=seq))
    return bars


def minutes(bars: BarBuilder, source: str = "binance") -> list[Bar]:
    return bars.series("BTC", source, "1m", KEPT)


def bar(opened: datetime, *figures: str) -> Bar:
    return Bar(opened, *(Decimal(number_text) for number_text in figures))


# One bar


def test_without_trades_there_are_no_bars() -> None:
    """A builder without quotes has no bars."""
    assert [] == minutes(BarBuilder())


def test_a_minute_has_its_first_highest_lowest_and_last_price() -> None:
    """A bar has the open, high, low and close of its minute's trades, and their volume."""
    prices = ["100", "103", "99.5", "101"]
    bars = built(
        trade(price, number, "0.25", after(number * 10)) for number, price in enumerate(prices)
    )

    assert [bar(START, "100", "103", "99.5", "101", "1")] == minutes(bars)


def test_bars_of_mids_say_so() -> None:
    """Also longer ones, and they have no volume."""
    bars = built(Trade(Decimal(price), basis=PriceBasis.MID) for price in ("1.0918", "1.0920"))
    figures = [Decimal(price) for price in ("1.0918", "1.0920", "1.0918", "1.0920", "0")]

    assert [Bar(START, *figures, PriceBasis.MID)] == minutes(bars)
    assert [PriceBasis.MID] == [
        longer.price_basis for longer in bars.series("BTC", "binance", "1h", KEPT)
    ]


@pytest.mark.parametrize(
    ("second", "opened"), [(0, 0), (59.999, 0), (60, 60), (119.999, 60), (120, 120)]
)
def test_a_bar_opens_on_the_minute(second: float, opened: float) -> None:
    """A trade exactly on the minute belongs to the bar that opens then."""
    bars = built([trade("1", 1, time=after(second))])

    assert [after(opened)] == [minute.timestamp for minute in minutes(bars)]


@pytest.mark.parametrize(
    ("timeframe", "opened"),
    [
        ("1m", "2026-03-04T23:59:00"),
        ("5m", "2026-03-04T23:55:00"),
        ("15m", "2026-03-04T23:45:00"),
        ("1h", "2026-03-04T23:00:00"),
        ("4h", "2026-03-04T20:00:00"),
        ("1d", "2026-03-04T00:00:00"),
    ],
)
def test_bars_open_at_whole_multiples_in_utc(timeframe: str, opened: str) -> None:
    """A bar of any timeframe opens at a multiple of its length since midnight UTC."""
    moment = datetime(2026, 3, 4, 23, 59, 59, 999_999, tzinfo=UTC)

    assert datetime.fromisoformat(opened).replace(tzinfo=UTC) == opening(
        moment, TIMEFRAMES[timeframe]
    )


def test_a_minute_without_trades_has_no_bar() -> None:
    """A minute without trades is not filled with a bar."""
    bars = built([trade("1", 1, time=START), trade("2", 2, time=after(180))])

    assert [START, after(180)] == [minute.timestamp for minute in minutes(bars)]


def test_unknown_sizes_add_no_volume() -> None:
    """The volume is the sum of the sizes that are known."""
    bars = built([trade("1", 1, time=START), trade("1", 2, "0.5", START)])

    assert [Decimal("0.5")] == [minute.volume for minute in minutes(bars)]


def test_a_trade_without_a_time_counts_at_its_received_time() -> None:
    """Without a provider time the received time decides to which bar a trade belongs."""
    bars = BarBuilder()
    bars.take(quote(trade("1", 1), at=after(61)))

    assert [after(60)] == [minute.timestamp for minute in minutes(bars)]


# Which trades count, and once


def test_a_trade_counts_once() -> None:
    """A quote with a new book and the same last trade adds no volume."""
    bars, last = BarBuilder(), trade("1", 1, "5", START)
    for seq in (1, 2, 3):
        bars.take(quote(last, book("1", "2", seq), seq=seq))

    assert [bar(START, "1", "1", "1", "1", "5")] == minutes(bars)


def test_a_trade_that_is_repeated_after_an_outage_counts_once() -> None:
    """The last trade repeated in the first summary of a new connection adds no volume."""
    now = START
    consolidator, bars = Consolidator(lambda: now, Validator()), BarBuilder()
    consolidator.follow([instrument("BTC")])
    for connection, second in ((1, 0), (2, 30)):
        now = after(second)
        consolidator.set_health("binance", HealthState.HEALTHY, connection)
        last = tick(trade("1", 7, "5", START), DayFigures(), at=now, connection=connection)
        bars.take(consolidator.apply(last))

    assert [bar(START, "1", "1", "1", "1", "5")] == minutes(bars)


def test_an_overtaken_quote_neither_ends_the_bar_nor_counts_twice() -> None:
    """A quote with a lower number that is published later does not change the close."""
    earlier, later = trade("100", 1, "1", START), trade("101", 2, "1", after(1))
    bars = BarBuilder()
    bars.take(quote(later, seq=2))
    bars.take(quote(earlier, seq=1))
    (overtaken,) = minutes(bars)
    bars.take(quote(later, book("100", "102"), seq=3))
    (minute,) = minutes(bars)

    assert Decimal(101) == overtaken.close == minute.close
    assert minute.volume <= 2


def test_a_late_trade_of_an_earlier_minute_is_left_out() -> None:
    """A closed bar is not changed any more."""
    bars = built([trade("1", 1, "1", after(60)), trade("9", 2, "1", after(59))])

    assert [bar(after(60), "1", "1", "1", "1", "1")] == minutes(bars)


def test_a_late_trade_of_the_same_minute_counts() -> None:
    """Within its minute a trade counts in whatever order it arrives."""
    bars = built([trade("1", 1, "1", after(30)), trade("9", 2, "1", after(10))])

    assert [bar(START, "1", "9", "1", "9", "2")] == minutes(bars)


@pytest.mark.parametrize("price_class", [PriceClass.STALE, PriceClass.LAST_RESORT])
def test_prices_that_are_not_fresh_make_no_bar(price_class: PriceClass) -> None:
    """A stale or last-resort quote makes no bar."""
    bars = BarBuilder()
    bars.take(quote(trade("1"), price_class=price_class))

    assert [] == minutes(bars)


def test_sources_are_never_mixed() -> None:
    """Each source has its own bars of a symbol, also of the same minutes."""
    bars = BarBuilder()
    for seq, source in ((1, KRAKEN), (2, SIMULATED), (3, KRAKEN)):
        bars.take(quote(trade(str(seq), seq, time=START), source=source, seq=seq))

    assert ["1"] == [str(minute.open) for minute in minutes(bars, "kraken")]
    assert ["3"] == [str(minute.close) for minute in minutes(bars, "kraken")]
    assert ["2"] == [str(minute.high) for minute in minutes(bars, "simulated")]
    assert [] == minutes(bars)


# Longer timeframes


def bars_of(trades: list[Trade], seconds: int) -> list[Bar]:
    groups: dict[datetime, list[Trade]] = {}
    for traded in trades:
        groups.setdefault(opening(traded.time, seconds), []).append(traded)
    return [
        Bar(
            opened,
            inside[0].price,
            max(trade.price for trade in inside),
            min(trade.price for trade in inside),
            inside[-1].price,
            sum((trade.size for trade in inside), Decimal(0)),
        )
        for opened, inside in groups.items()
    ]


_trades = st.lists(
    st.tuples(
        st.floats(0, 40_000), st.integers(90, 110).map(Decimal), st.integers(0, 9).map(Decimal)
    ),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, derandomize=True, database=None, max_examples=80)
@given(_trades)
def test_bars_of_every_timeframe_match_their_trades(
    steps: list[tuple[float, Decimal, Decimal]],
) -> None:
    """However trades fall in time, a bar of any timeframe is computed from all its trades."""
    seconds, trades = 0.0, []
    for number, (step, price, size) in enumerate(steps):
        seconds += step
        trades.append(Trade(price, size, number, after(seconds)))
    bars = built(trades)

    for timeframe, length in TIMEFRAMES.items():
        assert bars_of(trades, length)[-KEPT:] == bars.series("BTC", "binance", timeframe, KEPT)


def test_the_open_bar_of_every_timeframe_has_the_last_trade() -> None:
    """The last trade is the close of the open bar of every timeframe."""
    bars = built([trade("1", 1, "1", after(30)), trade("5", 2, "1", after(90))])

    for timeframe in TIMEFRAMES:
        (*_, last) = bars.series("BTC", "binance", timeframe, KEPT)

        assert Decimal(5) == last.close
    assert 1 == len(bars.series("BTC", "binance", "5m", KEPT))


def test_reading_bars_changes_nothing() -> None:
    """Reading the open bar does not add it to the longer bars."""
    bars = built([trade("1", 1, "1", after(30)), trade("5", 2, "1", after(90))])
    readings = [bars.series("BTC", "binance", "1h", 10) for _ in range(3)]

    assert [Decimal(2)] * 3 == [reading[0].volume for reading in readings]


# Bounds


def test_the_number_of_held_bars_is_bounded() -> None:
    """Of each timeframe only the last bars are held."""
    bars = built(trade("1", number, time=after(60 * number)) for number in range(KEPT + 100))
    held = bars.series("BTC", "binance", "1m", 10_000)

    assert KEPT == len(held)
    assert after(60 * (KEPT + 99)) == held[-1].timestamp


def test_a_limit_returns_the_latest_bars_oldest_first() -> None:
    """A limit of three returns the latest three bars, oldest first."""
    bars = built(trade("1", number, time=after(60 * number)) for number in range(10))

    assert [after(420), after(480), after(540)] == [
        bar.timestamp for bar in bars.series("BTC", "binance", "1m", 3)
    ]


def test_forgotten_symbols_have_no_bars() -> None:
    """The bars of a forgotten symbol are removed, those of other symbols stay."""
    bars = BarBuilder()
    bars.take(quote(trade("1"), symbol="BTC"))
    bars.take(quote(trade("1"), symbol="ETH"))
    bars.forget(["BTC", "unknown"])

    assert [] == minutes(bars)
    assert 1 == len(bars.series("ETH", "binance", "1m", 10))


def test_threads_lose_no_trade(restless: None) -> None:
    """With four feeds in four threads every trade of every symbol counts."""
    bars = BarBuilder()

    def feed(symbol: str) -> None:
        chance = random.Random(symbol)
        for number in range(500):
            last = trade(str(chance.randint(90, 110)), number, "1", after(number))
            bars.take(quote(last, symbol=symbol, seq=number + 1))
            bars.series(symbol, "binance", "5m", 10)

    threads = [threading.Thread(target=feed, args=(symbol,)) for symbol in "ABCD"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [Decimal(500)] * 4 == [
        sum(bar.volume for bar in bars.series(symbol, "binance", "1m", KEPT)) for symbol in "ABCD"
    ]


def test_a_source_that_replays_an_earlier_day_has_new_bars() -> None:
    """Where a source's time goes back by hours, its bars begin anew."""
    earlier = START.replace(year=2024)
    bars = built([trade("100", 9, time=START), trade("90", 1, time=earlier)])

    assert [earlier] == [minute.timestamp for minute in minutes(bars)]


def test_every_timeframe_has_its_length() -> None:
    """What a request may name and what is built are the same, in the same order."""
    assert get_args(Timeframe) == tuple(TIMEFRAMES)
