"""Samples of Binance, as it sends them; made by hand."""

from collections.abc import Iterator, Mapping

from tests.feeds.samples import BEGIN, DAY, HistorySamples, StreamSamples, reply, text

_TICKER = {
    "e": "24hrTicker",
    "E": 1770000000123,
    "s": "BTCUSDT",
    "p": "-120.50000000",
    "P": "-0.132",
    "w": "91100.12345678",
    "x": "91354.00000000",
    "c": "91234.56000000",
    "Q": "0.00150000",
    "b": "91234.55000000",
    "B": "1.20000000",
    "a": "91234.56000000",
    "A": "0.80000000",
    "o": "91355.06000000",
    "h": "92000.00000000",
    "l": "89000.00000000",
    "v": "12345.67800000",
    "q": "1126300000.00000000",
    "O": 1769913600123,
    "C": 1770000000123,
    "F": 4990000000,
    "L": 5000000001,
    "n": 10000002,
}

_MINI_TICKER = {
    "e": "24hrMiniTicker",
    "E": 1770000000123,
    "s": "BTCUSDT",
    "c": "91234.56000000",
    "o": "91355.06000000",
    "h": "92000.00000000",
    "l": "89000.00000000",
    "v": "12345.67800000",
    "q": "1126300000.00000000",
}

_WINDOW_TICKER = {
    **{key: _TICKER[key] for key in _TICKER if key not in ("e", "x", "Q", "b", "B", "a", "A")},
    "e": "1hTicker",
}

BINANCE: Mapping[str, object] = {
    "trade": {
        "e": "trade",
        "E": 1770000000123,
        "s": "BTCUSDT",
        "t": 5000000001,
        "p": "91234.56000000",
        "q": "0.00150000",
        "T": 1770000000122,
        "m": True,
        "M": True,
    },
    "aggTrade": {
        "e": "aggTrade",
        "E": 1770000000123,
        "s": "BTCUSDT",
        "a": 3000000001,
        "p": "91234.56000000",
        "q": "0.00150000",
        "f": 4999999999,
        "l": 5000000001,
        "T": 1770000000122,
        "m": True,
        "M": True,
    },
    "bookTicker": {
        "u": 90000000001,
        "s": "BTCUSDT",
        "b": "91234.55000000",
        "B": "1.20000000",
        "a": "91234.56000000",
        "A": "0.80000000",
    },
    "ticker": _TICKER,
    "miniTicker": _MINI_TICKER,
    "ticker_1h": _WINDOW_TICKER,
    "kline_1m": {
        "e": "kline",
        "E": 1770000001500,
        "s": "BTCUSDT",
        "k": {
            "t": 1769999940000,
            "T": 1769999999999,
            "s": "BTCUSDT",
            "i": "1m",
            "f": 5000000000,
            "L": 5000000042,
            "o": "91230.00000000",
            "c": "91234.56000000",
            "h": "91240.00000000",
            "l": "91229.10000000",
            "v": "12.34500000",
            "n": 43,
            "x": True,
            "q": "1126300.00000000",
            "V": "6.10000000",
            "Q": "556500.00000000",
            "B": "0",
        },
    },
    "depth5": {
        "lastUpdateId": 90000000001,
        "bids": [["91234.55000000", "1.20000000"], ["91234.54000000", "0.10000000"]],
        "asks": [["91234.56000000", "0.80000000"], ["91234.57000000", "0.10000000"]],
    },
    "depth": {
        "e": "depthUpdate",
        "E": 1770000000123,
        "s": "BTCUSDT",
        "U": 90000000000,
        "u": 90000000001,
        "b": [["91234.55000000", "0.00000000"]],
        "a": [],
    },
    "avgPrice": {
        "e": "avgPrice",
        "E": 1770000000123,
        "s": "BTCUSDT",
        "i": "5m",
        "w": "91200.10000000",
        "T": 1770000000122,
    },
    "referencePrice": {"e": "referencePrice", "s": "BTCUSDT", "r": None, "t": 1770000000122},
    "blockTrade": {
        "e": "blockTrade",
        "E": 1770000000123,
        "s": "BTCUSDT",
        "t": 1,
        "p": "90000.00000000",
        "q": "100.00000000",
        "T": 1770000000122,
        "m": False,
    },
}
"""One event of each of Binance's streams, by the stream's name."""

CONTROL: tuple[object, ...] = (
    {"result": None, "id": 7},
    {"result": ["btcusdt@trade"], "id": 8},
    {"code": 2, "msg": "Invalid request: too many parameters"},
    {"error": {"code": 2, "msg": "Invalid request"}, "id": 1},
    {"e": "serverShutdown", "E": 1770000000000},
    {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1770000000000}},
    {"stream": "!miniTicker@arr", "data": [_MINI_TICKER]},
    [_MINI_TICKER],
)


def combined(stream: str, event: object) -> str:
    """An event as a combined socket wraps it."""
    return text({"stream": f"btcusdt@{stream}", "data": event})


def _frames() -> Iterator[str]:
    yield from (text(message) for message in BINANCE.values())
    yield from (combined(stream, item) for stream, item in BINANCE.items())
    yield from (text(message) for message in CONTROL)


STREAM = StreamSamples("btcusdt", tuple(_frames()))


def _kline(number: int) -> list[object]:
    opened = (BEGIN + number * DAY) * 1000
    prices = ["91000.10000000", "92000.00000000", "90000.00000000", f"9150{number}.20000000"]
    rest = [opened + DAY * 1000 - 1, "1.0", 10, "0.5", "0.5", "0"]
    return [opened, *prices, "12.50000000", *rest]


_KLINES = reply([_kline(number) for number in range(4)])

HISTORY = HistorySamples(
    name="btcusdt",
    days=_KLINES,
    nothing=(reply([]), reply([_kline(0)])),
    refusals=(
        (reply({"code": -1003, "msg": "Too much request weight used"}, 429), 429),
        (reply(b"<html>blocked</html>", 403), 403),
    ),
    unknown=reply({"code": -1121, "msg": "Invalid symbol."}, 400),
)
