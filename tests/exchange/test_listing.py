from omcrm.exchange.interval import DAY
from omcrm.exchange.listing import Listing
from omcrm.exchange.trade import Top, Trade


def test_a_day_needs_a_trade() -> None:
    """A best bid and ask alone make no 24 h figures."""
    listing = Listing("BTCUSDT", "BTC", "USDT")
    listing.quote_at(Top(1, 10, 1, 11, 1))

    assert listing.day(0) is None
    assert listing.changed


def test_a_day_ends_now_and_begins_with_the_first_trade() -> None:
    """The window opens at the first trade, or 24 hours ago once there is more."""
    listing = Listing("BTCUSDT", "BTC", "USDT")
    listing.record(Trade(7, 100, 10, 1_000, True))
    listing.record(Trade(8, 120, 10, 2_000, True))
    day, later = listing.day(5_000), listing.day(3 * DAY)

    assert day is not None
    assert later is not None
    assert (1_000, 5_000, 100, 8) == (day.open_time, day.close_time, day.price_before, day.last.id)
    assert 2 * DAY == later.open_time


def test_candles_of_seconds_come_from_the_latest_trades() -> None:
    """The 1s interval is served from the trades, longer ones from the minutes."""
    listing = Listing("BTCUSDT", "BTC", "USDT")
    listing.record(Trade(7, 100, 10, 1_000, True))
    listing.record(Trade(8, 120, 10, 3_000, True))

    assert [1_000, 2_000, 3_000] == [candle.time for candle in listing.candles("1s")]
    assert [0] == [candle.time for candle in listing.candles("1m")]
