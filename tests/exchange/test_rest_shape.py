from omcrm.exchange import rest_shape
from omcrm.exchange.fixed import ONE
from omcrm.exchange.listing import Listing
from omcrm.exchange.trade import Top, Trade


def test_before_the_first_trade_there_are_zeros() -> None:
    """A symbol without trades is listed with zeros and ids of -1, as Binance does."""
    day = rest_shape.day(Listing("BTCUSDT", "BTC", "USDT"), 5, mini=False)

    assert ("0.00000000", "0.00000000", -1, -1, 0) == (
        day["lastPrice"], day["askPrice"], day["firstId"], day["lastId"], day["count"],
    )  # fmt: skip


def test_a_tapes_tick_is_read_off_its_prices() -> None:
    """The power of ten all prices are multiples of."""
    listing = Listing("NKNUSDT", "NKN", "USDT")
    listing.quote_at(Top(1, 35210000, ONE, 35260000, ONE))
    listing.record(Trade(1, 35200000, ONE, 1, True))
    symbol = rest_shape.exchange_info([listing], 9)["symbols"][0]

    assert "0.00010000" == symbol["filters"][0]["tickSize"]
    assert (
        "0.00000001"
        == rest_shape.exchange_info([Listing("A", "A", "")], 9)["symbols"][0]["filters"][0][
            "tickSize"
        ]
    )
