import json
from typing import Any

from simulator.fixed import ONE
from simulator.playback import Playback
from simulator.recording import RecordedEvent


def line(stream: str, **data: Any) -> RecordedEvent:
    """One recorded line."""
    return RecordedEvent(0, stream, json.dumps(data).encode(), None)


def trade(**changed: Any) -> RecordedEvent:
    """A recorded trade."""
    fields = {"e": "trade", "E": 9, "s": "BTCUSDT", "t": 5, "p": "2.0", "q": "1", "T": 8, "m": True}
    return line("btcusdt@trade", **{**fields, **changed})


def depth(first: int, last: int, price: str, quantity: str) -> RecordedEvent:
    """A recorded change of one bid."""
    fields = {"e": "depthUpdate", "E": 9, "s": "BTCUSDT", "U": first, "u": last}
    return line("btcusdt@depth@100ms", **fields, b=[[price, quantity]], a=[])


def test_trades_and_quotes_move_their_symbol() -> None:
    """The newest trade, the best bid and ask and the time are those of the recording."""
    playback = Playback(["BTCUSDT"])
    playback.apply(trade())
    playback.apply(line("btcusdt@bookTicker", u=7, s="BTCUSDT", b="1", B="1", a="3", A="1"))
    listing = playback.listings["BTCUSDT"]

    assert listing.last is not None
    assert listing.top is not None
    assert (5, 2 * ONE, 8) == (listing.last.id, listing.last.price, listing.last.time)
    assert (7, ONE, 3 * ONE) == (listing.top.update_id, listing.top.bid, listing.top.ask)
    assert 9 == playback.time


def test_unreadable_events_change_nothing() -> None:
    """Wrong prices and missing fields are counted."""
    playback = Playback([])
    for strange in ({"p": "NaN"}, {"p": []}, {"p": "-1"}, {"q": "0"}, {"t": None}, {"p": "1e999"}):
        playback.apply(trade(**strange))

    assert 6 == playback.unreadable
    assert playback.listings["BTCUSDT"].last is None


def test_the_book_is_the_snapshot_and_the_changes_after_it() -> None:
    """Changes received before the snapshot, but newer than it, are not lost."""
    playback = Playback(["BTCUSDT"])
    playback.apply(depth(1, 3, "10", "1"))
    playback.apply(depth(4, 6, "11", "1"))
    snapshot = line("btcusdt@snapshot", lastUpdateId=4, bids=[["10", "5"], ["9", "5"]], asks=[])
    playback.apply(snapshot)
    playback.apply(depth(7, 8, "9", "0"))
    book = playback.listings["BTCUSDT"].book

    assert 8 == book.update_id
    assert [(11 * ONE, ONE), (10 * ONE, 5 * ONE)] == book.levels(10)[0]


def test_symbols_that_appear_later_are_listed() -> None:
    """A symbol beyond the scanned lines is listed when it comes."""
    playback = Playback([])
    playback.apply(line("nknusdt@kline_1m", e="kline", E=77))
    playback.apply(line("!miniTicker@arr"))

    assert ["NKNUSDT"] == list(playback.listings)
    assert ("NKN", "USDT", 77) == (
        playback.listings["NKNUSDT"].base, playback.listings["NKNUSDT"].quote, playback.time,
    )  # fmt: skip
