from simulator.simulated_bar import SimulatedBar, by_second, empty, grouped
from simulator.simulated_trade import SimulatedTrade


def trade(id_: int, price: int, time: int = 0, sold: bool = False) -> SimulatedTrade:
    """A trade of ten."""
    return SimulatedTrade(id_, price, 10, time, sold)


def test_a_bar_adds_up_its_trades() -> None:
    """OHLC, volumes, taker volumes and ids follow from the trades."""
    bar = empty(0, 999)
    for one in (trade(5, 100), trade(6, 130, sold=True), trade(7, 90), trade(8, 110)):
        bar.add(one)

    assert SimulatedBar(0, 100, 130, 90, 110, 40, 4300, 4, 30, 3000, 5, 8) == bar


def test_joining_keeps_first_and_last() -> None:
    """Two bars in a row make one; an empty one adds nothing."""
    first, second = empty(0, 100), empty(60, 100)
    first.add(trade(1, 100))
    second.add(trade(2, 50))
    first.join(second)
    first.join(empty(120, 50))

    assert (100, 100, 50, 50, 2, 1, 2) == (
        first.open, first.high, first.low, first.close, first.count, first.first_id, first.last_id,
    )  # fmt: skip


def test_an_empty_bar_takes_the_prices_of_the_next() -> None:
    """The old price of an empty bar is not in the joined bar."""
    quiet, busy = empty(0, 999), empty(60, 100)
    busy.add(trade(1, 100))
    quiet.join(busy)

    assert (100, 100, 100) == (quiet.open, quiet.high, quiet.low)


def test_minutes_are_grouped_into_longer_bars() -> None:
    """Five minutes make one bar of five minutes."""
    minutes = [empty(minute * 60_000, 100 + minute) for minute in range(7)]
    for minute in minutes:
        minute.add(trade(minute.time, minute.open))

    groups = grouped(minutes, "5m")

    assert [(0, 100, 104, 5), (300_000, 105, 106, 2)] == [
        (group.time, group.open, group.close, group.count) for group in groups
    ]


def test_seconds_without_trades_are_empty_bars() -> None:
    """They repeat the close before them, with ids of -1."""
    bars = by_second([trade(1, 100, 1_100), trade(2, 110, 1_900), trade(3, 120, 4_000)])

    assert [(1000, 2, 110), (2000, 0, 110), (3000, 0, 110), (4000, 1, 120)] == [
        (bar.time, bar.count, bar.close) for bar in bars
    ]
    assert -1 == bars[1].first_id == bars[1].last_id
