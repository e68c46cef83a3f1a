from simulator.interval import DAY
from simulator.listing import Listing
from simulator.simulated_trade import SimulatedTrade, Top


def test_a_day_needs_a_trade() -> None:
    """A best bid and ask alone make no 24 h figures."""
    listing = Listing("BTCUSDT", "BTC", "USDT")
    listing.quote_at(Top(1, 10, 1, 11, 1))

    assert listing.day(0) is None
    assert listing.changed


def test_a_day_ends_now_and_begins_with_the_first_trade() -> None:
    """The window opens at the first trade, or 24 hours ago once there is more."""
    listing = Listing("BTCUSDT", "BTC", "USDT")
    listing.record(SimulatedTrade(7, 100, 10, 1_000, True))
    listing.record(SimulatedTrade(8, 120, 10, 2_000, True))
    day, later = listing.day(5_000), listing.day(3 * DAY)

    assert day is not None
    assert later is not None
    assert (1_000, 5_000, 100, 8) == (day.open_time, day.close_time, day.price_before, day.last.id)
    assert 2 * DAY == later.open_time


def test_bars_of_seconds_come_from_the_latest_trades() -> None:
    """The 1s interval is made from the trades, longer ones from the minutes."""
    listing = Listing("BTCUSDT", "BTC", "USDT")
    listing.record(SimulatedTrade(7, 100, 10, 1_000, True))
    listing.record(SimulatedTrade(8, 120, 10, 3_000, True))

    assert [1_000, 2_000, 3_000] == [bar.time for bar in listing.bars("1s")]
    assert [0] == [bar.time for bar in listing.bars("1m")]
