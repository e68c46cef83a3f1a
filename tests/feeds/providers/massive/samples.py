"""Samples of Massive, as it sends them; made by hand."""

from tests.feeds.samples import StreamSamples, texts

_MASSIVE_TRADE = {
    "ev": "T", "sym": "BTC-USD", "i": "5101", "x": 4, "p": 91234.56, "s": 100, "ds": "100.5",
    "c": [14], "t": 1770000000123, "q": 900001, "z": 3,
}  # fmt: skip

_MASSIVE_QUOTE = {
    "ev": "Q", "sym": "BTC-USD", "bx": 4, "bp": 91234.55, "bs": 100, "ax": 7, "ap": 91234.56,
    "as": 160, "c": 0, "i": [604], "t": 1770000000124, "q": 900002, "z": 3,
}  # fmt: skip

_MASSIVE_BAR = {
    "ev": "A", "sym": "BTC-USD", "v": 4110, "av": 9470157, "op": 90400.4, "vw": 91231.51,
    "o": 91231.5, "c": 91234.56, "h": 91240, "l": 91229.42, "a": 91100.2, "z": 70,
    "s": 1770000000000, "e": 1770000001000, "dav": "9470157.25",
}  # fmt: skip

_MASSIVE_COIN = {
    "ev": "XT", "pair": "BTC-USD", "i": "7", "x": 1, "p": 91234.56, "s": 0.0015, "c": [2],
    "t": 1770000000123, "r": 1770000000140,
}  # fmt: skip

_MASSIVE_COIN_QUOTE = {
    "ev": "XQ", "pair": "BTC-USD", "bp": 91234.55, "bs": 1.2, "ap": 91234.56, "as": 0.8,
    "t": 1770000000124, "x": 1, "r": 1770000000140,
}  # fmt: skip

_MASSIVE_CURRENCY = {
    "ev": "C", "p": "BTC/USD", "x": 48, "a": 91234.56, "b": 91234.55, "t": 1770000000124,
}  # fmt: skip

_MASSIVE_STATUSES = (
    "connected", "auth_success", "auth_failed", "auth_timeout", "success", "error",
    "max_connections", "slow_consumer", "force_disconnect",
)  # fmt: skip

MASSIVE: tuple[object, ...] = (
    [_MASSIVE_TRADE, _MASSIVE_QUOTE, _MASSIVE_BAR],
    [{key: _MASSIVE_TRADE[key] for key in ("ev", "sym", "i", "x", "p", "s", "t", "q", "z")}],
    [_MASSIVE_COIN, _MASSIVE_COIN_QUOTE],
    [_MASSIVE_CURRENCY],
    *([{"ev": "status", "status": status, "message": "words"}] for status in _MASSIVE_STATUSES),
    [{"ev": "LULD", "T": "BTC-USD", "h": 218.21, "l": 187.65, "i": [17], "z": 3, "t": 1, "q": 2}],
)

STREAM = StreamSamples("BTC-USD", texts(MASSIVE))
