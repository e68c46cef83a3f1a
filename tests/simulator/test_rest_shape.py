from simulator import rest_shape
from simulator.listing import Listing


def test_before_the_first_trade_there_are_zeros() -> None:
    """A symbol without trades is listed with zeros and ids of -1, as Binance does."""
    day = rest_shape.day(Listing("BTCUSDT", "BTC", "USDT"), 5, mini=False)

    assert ("0.00000000", "0.00000000", -1, -1, 0) == (
        day["lastPrice"], day["askPrice"], day["firstId"], day["lastId"], day["count"],
    )  # fmt: skip
