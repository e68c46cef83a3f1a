"""Frames of every provider, as its upstream sends them."""

from collections.abc import Iterable, Mapping

import msgspec

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


def text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def combined(stream: str, event: object) -> str:
    """An event as a combined socket wraps it."""
    return text({"stream": f"btcusdt@{stream}", "data": event})


def _binance() -> Iterable[str]:
    yield from (text(each) for each in BINANCE.values())
    yield from (combined(stream, each) for stream, each in BINANCE.items())
    yield from (text(each) for each in CONTROL)


SAMPLES: Mapping[str, tuple[str, ...]] = {
    "binance": tuple(_binance()),
    "simulated": tuple(_binance()),
    "template": ('{"symbol": "btcusdt", "price": "91234.56", "id": 5000000001}',),
}
"""What the shared provider test begins from; every registered stream has its own."""
