import json
from typing import Any

from simulator import event
from simulator.fixed import ONE
from simulator.listing import Listing
from simulator.simulated_bar import empty
from simulator.simulated_trade import SimulatedTrade, Top

SOLD = SimulatedTrade(5, 100 * ONE, ONE // 2, 1_000, True)
BOUGHT = SimulatedTrade(6, 110 * ONE, ONE, 2_000, False)


def listing() -> Listing:
    """A symbol with two trades and a best bid and ask."""
    item = Listing("BTCUSDT", "BTC", "USDT")
    item.record(SOLD)
    item.record(BOUGHT)
    item.quote_at(Top(9, 109 * ONE, ONE, 111 * ONE, 2 * ONE))
    return item


def decoded(payload: bytes) -> Any:
    """The JSON of a payload."""
    return json.loads(payload)


def test_a_trade_has_the_fields_of_today() -> None:
    """Without the order ids that Binance removed."""

    assert {
        "e": "trade", "E": 1_001, "s": "BTCUSDT", "t": 5, "p": "100.00000000",
        "q": "0.50000000", "T": 1_000, "m": True, "M": True,
    } == decoded(event.trade("BTCUSDT", SOLD, 1_001))  # fmt: skip


def test_a_book_ticker_has_neither_type_nor_time() -> None:
    """Only its keys identify it."""
    payload = event.book_ticker("BTCUSDT", Top(9, ONE, ONE, 2 * ONE, ONE))

    assert ["u", "s", "b", "B", "a", "A"] == list(decoded(payload))


def test_a_ticker_follows_from_the_trades() -> None:
    """Every figure of the 24 hours can be recomputed from the trades."""
    item = listing()
    day = item.day(3_000)
    assert day is not None

    assert {
        "e": "24hrTicker", "E": 3_001, "s": "BTCUSDT", "p": "10.00000000", "P": "10.000",
        "w": "106.66666666", "x": "100.00000000", "c": "110.00000000", "Q": "1.00000000",
        "b": "109.00000000", "B": "1.00000000", "a": "111.00000000", "A": "2.00000000",
        "o": "100.00000000", "h": "110.00000000", "l": "100.00000000", "v": "1.50000000",
        "q": "160.00000000", "O": 1_000, "C": 3_000, "F": 5, "L": 6, "n": 2,
    } == decoded(event.ticker(item, day, 3_001))  # fmt: skip


def test_a_fall_has_a_minus_sign_even_below_one_percent() -> None:
    """The sign of a small fall is not lost."""
    item = Listing("BTCUSDT", "BTC", "USDT")
    item.record(BOUGHT)
    item.record(SimulatedTrade(7, 110 * ONE - ONE // 10, ONE, 3_000, False))
    day = item.day(3_000)
    assert day is not None

    assert ("-0.10000000", "-0.091") == event.change(day)[:2]


def test_an_empty_kline_has_ids_of_minus_one() -> None:
    """A bar without trades looks as Binance's."""
    inner = decoded(event.kline("BTCUSDT", "1m", empty(60_000, ONE), 0, True))["k"]

    assert (-1, -1, 0, True, "0.00000000") == (
        inner["f"], inner["L"], inner["n"], inner["x"], inner["v"],
    )  # fmt: skip
    assert 119_999 == inner["T"]


def test_depth_and_snapshot_carry_pairs_of_texts() -> None:
    """Levels are pairs of price and quantity."""
    item = listing()
    item.book.replace(3, [(ONE, ONE)], [])

    assert {
        "e": "depthUpdate", "E": 7, "s": "BTCUSDT", "U": 1, "u": 2,
        "b": [["1.00000000", "0.00000000"]], "a": [],
    } == decoded(event.depth_update("BTCUSDT", (1, 2, [(ONE, 0)], []), 7))  # fmt: skip
    assert {"lastUpdateId": 3, "bids": [["1.00000000", "1.00000000"]], "asks": []} == decoded(
        event.depth_snapshot(item, 5)
    )


def test_the_small_events() -> None:
    """miniTicker and aggTrade have their documented fields."""
    item = listing()
    day = item.day(3_000)
    assert day is not None
    aggregate = decoded(event.aggregate_trade("BTCUSDT", SOLD, 9))

    assert {"e", "E", "s", "c", "o", "h", "l", "v", "q"} == set(event.mini_ticker("X", day, 9))
    assert (5, 5, 5) == (aggregate["a"], aggregate["f"], aggregate["l"])
