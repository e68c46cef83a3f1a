from simulator.bar_history import MINUTES_A_DAY, BarHistory
from simulator.interval import MINUTE
from simulator.simulated_trade import SimulatedTrade


def recorded(*trades: tuple[int, int, int]) -> BarHistory:
    """A history of trades given as minute, id, price."""
    history = BarHistory()
    for minute, id_, price in trades:
        history.record(SimulatedTrade(id_, price, 10, minute * MINUTE, False))
    return history


def test_nothing_is_known_before_the_first_trade() -> None:
    """An empty history has no minutes and no window."""
    history = BarHistory()
    history.advance(MINUTE)

    assert [] == list(history.minutes())
    assert history.window() is None


def test_minutes_without_trades_leave_no_gaps() -> None:
    """They repeat the close before them."""
    minutes = list(recorded((10, 1, 100), (13, 2, 120)).minutes())

    assert [10, 11, 12, 13] == [minute.time // MINUTE for minute in minutes]
    assert [1, 0, 0, 1] == [minute.count for minute in minutes]
    assert [100, 100, 100, 120] == [minute.close for minute in minutes]


def test_minutes_since_a_moment() -> None:
    """Only the minutes that begin then or later."""
    history = recorded((10, 1, 100), (13, 2, 120))

    assert [12, 13] == [minute.time // MINUTE for minute in history.minutes(12 * MINUTE)]
    assert [13] == [minute.time // MINUTE for minute in history.minutes(99 * MINUTE)]


def test_the_window_is_exactly_what_was_traded() -> None:
    """The sum of the trades has the first one's open and the last one's close and id."""
    window = recorded((10, 4, 100), (10, 5, 90), (12, 9, 130), (12, 11, 120)).window()

    assert window is not None
    assert (100, 130, 90, 120) == (window.open, window.high, window.low, window.close)
    assert (40, 4400, 4, 4, 11) == (
        window.volume, window.quote, window.count, window.first_id, window.last_id,
    )  # fmt: skip


def test_a_late_trade_counts_in_the_open_minute() -> None:
    """A trade of a minute that has closed is not lost."""
    history = recorded((10, 1, 100), (11, 2, 110), (10, 3, 105))

    assert [1, 2] == [minute.count for minute in history.minutes()]


def test_a_day_rolls_off() -> None:
    """What is older than 24 hours leaves the window, and its last price is kept."""
    history = recorded((0, 1, 500), (1, 2, 100))
    history.record(SimulatedTrade(3, 110, 10, MINUTES_A_DAY * MINUTE, False))
    window = history.window()

    assert window is not None
    assert (100, 110, 2, 3) == (window.open, window.high, window.first_id, window.last_id)
    assert 500 == history.price_before


def test_a_gap_of_days_starts_afresh() -> None:
    """After a long gap only the last price remains."""
    history = recorded((0, 1, 500), (5 * MINUTES_A_DAY, 2, 100))

    assert 1 == len(list(history.minutes()))
    assert 500 == history.price_before
