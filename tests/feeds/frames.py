"""Frames of every provider, as its upstream sends them; long for a reason: it is data."""

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
    yield from (text(message) for message in BINANCE.values())
    yield from (combined(stream, item) for stream, item in BINANCE.items())
    yield from (text(message) for message in CONTROL)


_COINBASE_TICKER = {
    "type": "ticker",
    "sequence": 12042642428,
    "product_id": "BTC-USD",
    "price": "91234.56",
    "open_24h": "90010.1",
    "volume_24h": "9611.79",
    "low_24h": "89000",
    "high_24h": "92000",
    "volume_30d": "327812.0",
    "best_bid": "91234.55",
    "best_bid_size": "0.10",
    "best_ask": "91234.56",
    "best_ask_size": "0.03",
    "side": "buy",
    "time": "2026-01-05T14:30:00.253563Z",
    "trade_id": 82062566,
    "last_size": "0.0042",
}
_COINBASE_MATCH = {
    "type": "match",
    "trade_id": 10,
    "sequence": 50,
    "maker_order_id": "ac928c66-ca53-498f-9c13-a110027a60e8",
    "taker_order_id": "132fb6ae-456b-4654-b4e0-d681ac05cea1",
    "time": "2026-01-05T14:30:00.253563Z",
    "product_id": "BTC-USD",
    "size": "5.23512",
    "price": "91230.23",
    "side": "sell",
}
COINBASE: tuple[object, ...] = (
    _COINBASE_TICKER,
    {key: _COINBASE_TICKER[key] for key in ("type", "sequence", "product_id", "price", "time")}
    | {"trade_id": 1},
    _COINBASE_MATCH,
    {**_COINBASE_MATCH, "type": "last_match"},
    {"type": "subscriptions", "channels": [{"name": "ticker", "product_ids": ["BTC-USD"]}]},
    {
        "type": "heartbeat",
        "sequence": 90,
        "last_trade_id": 20,
        "product_id": "BTC-USD",
        "time": "2026-01-05T14:30:01.000000Z",
    },
    {
        "type": "error",
        "message": "Failed to subscribe",
        "reason": "XYZ-USD is not a valid product",
    },
    {"type": "something_new", "product_id": "BTC-USD"},
)


_ALPACA_TRADE = (
    '{"T":"t","S":"AAPL","i":1201,"x":"V","p":231.55,"s":25,"c":["@","I"],"z":"C",'
    '"t":"2026-01-05T14:30:00.123456789Z"}'
)
_ALPACA_QUOTE = (
    '{"T":"q","S":"AAPL","bx":"V","bp":231.5,"bs":2,"ax":"V","ap":231.58,"as":1,"c":["R"],'
    '"z":"C","t":"2026-01-05T14:30:00.2Z"}'
)
_ALPACA_BAR = (
    '{"T":"d","S":"AAPL","o":230,"h":232.1,"l":229.95,"c":231.55,"v":1201344,"n":9120,'
    '"vw":231.02,"t":"2026-01-05T05:00:00Z"}'
)
ALPACA = (
    '[{"T":"success","msg":"connected"}]',
    '[{"T":"success","msg":"authenticated"}]',
    '[{"T":"subscription","trades":["AAPL"],"quotes":["AAPL"],"dailyBars":["AAPL"]}]',
    f"[{_ALPACA_TRADE}]",
    f"[{_ALPACA_QUOTE}]",
    f"[{_ALPACA_BAR}]",
    f"[{_ALPACA_TRADE},{_ALPACA_QUOTE},{_ALPACA_BAR}]",
    '[{"T":"b","S":"AAPL","o":231,"h":232,"l":231,"c":232,"v":9,"t":"2026-01-05T14:30:00Z"}]',
    '[{"T":"s","S":"AAPL","sc":"H","sm":"Halted","rc":"T1","rm":"","t":"2026-01-05T14:30:00Z"}]',
    '[{"T":"l","S":"AAPL","u":240.1,"d":220.2,"i":"B","t":"2026-01-05T14:30:00Z","z":"C"}]',
    '[{"T":"c","S":"AAPL","x":"V","oi":1,"op":231.5,"ci":2,"cp":231.6,"z":"C"}]',
    '[{"T":"x","S":"AAPL","i":1,"x":"V","p":231.5,"s":100,"a":"C","z":"C"}]',
    '[{"T":"n","id":1,"headline":"A headline","symbols":["AAPL"],"source":"wire"}]',
    '[{"T":"error","code":405,"msg":"symbol limit exceeded"}]',
    '[{"T":"error","code":406,"msg":"connection limit exceeded"}]',
    '[{"T":"something_new","S":"AAPL"}]',
)


_KRAKEN_TICKER = {
    "symbol": "BTC/USD",
    "bid": 91234.5,
    "bid_qty": 0.5,
    "ask": 91234.6,
    "ask_qty": 1.2,
    "last": 91234.56,
    "volume": 2158.3,
    "vwap": 91010.2,
    "low": 89000.0,
    "high": 92000.0,
    "change": -269.94,
    "change_pct": -0.3,
}
_KRAKEN_TRADE = {
    "symbol": "BTC/USD",
    "side": "sell",
    "price": 91234.56,
    "qty": 0.0015,
    "ord_type": "market",
    "trade_id": 82062566,
    "timestamp": "2026-01-05T14:30:00.253563Z",
}
_KRAKEN_TIMES = {
    "time_in": "2026-01-05T14:30:00.100000Z",
    "time_out": "2026-01-05T14:30:00.100100Z",
}
KRAKEN: tuple[object, ...] = (
    {"channel": "trade", "type": "snapshot", "data": [_KRAKEN_TRADE]},
    {
        "channel": "trade",
        "type": "update",
        "data": [
            {**_KRAKEN_TRADE, "trade_id": 82062567},
            {**_KRAKEN_TRADE, "trade_id": 82062568, "price": 91235, "qty": 1e-8},
        ],
    },
    {"channel": "ticker", "type": "snapshot", "data": [_KRAKEN_TICKER]},
    {
        "channel": "ticker",
        "type": "update",
        "data": [{**_KRAKEN_TICKER, "timestamp": "2026-01-05T14:30:00.253563Z"}],
    },
    {
        "channel": "status",
        "type": "update",
        "data": [
            {
                "version": "2.0.10",
                "system": "online",
                "api_version": "v2",
                "connection_id": 6447481662169813000,
            }
        ],
    },
    {"channel": "heartbeat"},
    {
        "method": "subscribe",
        "result": {
            "channel": "ticker",
            "symbol": "BTC/USD",
            "event_trigger": "bbo",
            "snapshot": True,
        },
        "success": True,
        "req_id": 1,
        **_KRAKEN_TIMES,
    },
    {
        "method": "unsubscribe",
        "result": {"channel": "trade", "symbol": "BTC/USD"},
        "success": True,
        "req_id": 2,
        **_KRAKEN_TIMES,
    },
    {
        "error": "Currency pair not supported XXX/USD",
        "method": "subscribe",
        "success": False,
        "symbol": "XXX/USD",
        **_KRAKEN_TIMES,
    },
    {"method": "pong", "req_id": 42, **_KRAKEN_TIMES},
    {"channel": "something_new", "type": "update", "data": [{"symbol": "BTC/USD"}]},
)


_FINNHUB_TRADE = {
    "c": None,
    "p": 91234.56,
    "s": "BINANCE:BTCUSDT",
    "t": 1770000000140,
    "v": 0.0042,
}
_FINNHUB_SHARE = {"c": ["1", "12"], "p": 231.55, "s": "AAPL", "t": 1770000000123, "v": 100}
FINNHUB: tuple[object, ...] = (
    {"type": "ping"},
    {"data": [_FINNHUB_TRADE], "type": "trade"},
    {"data": [_FINNHUB_SHARE, _FINNHUB_TRADE, _FINNHUB_TRADE], "type": "trade"},
    {"data": [{**_FINNHUB_TRADE, "c": [], "v": 0}], "type": "trade"},
    {
        "data": [
            _FINNHUB_TRADE,
            {key: _FINNHUB_TRADE[key] for key in "pst"} | {"p": 91234, "v": 1},
        ],
        "type": "trade",
    },
    {"msg": "Subscribing to too many symbols", "type": "error"},
    {"data": [{"category": "company", "headline": "A headline", "id": 1}], "type": "news"},
    {"type": "something_new"},
)


def _texts(messages: Iterable[object]) -> tuple[str, ...]:
    return tuple(msgspec.json.encode(message).decode() for message in messages)


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


NAMES: Mapping[str, str] = {
    "binance": "btcusdt",
    "simulated": "btcusdt",
    "template": "btcusdt",
    "alpaca": "AAPL",
    "coinbase": "BTC-USD",
    "finnhub": "BINANCE:BTCUSDT",
    "kraken": "BTC/USD",
    "massive": "BTC-USD",
}
"""Each provider's name of the symbol in its samples, which is BTC for us."""

SAMPLES: Mapping[str, tuple[str, ...]] = {
    "binance": tuple(_binance()),
    "simulated": tuple(_binance()),
    "coinbase": _texts(COINBASE),
    "finnhub": _texts(FINNHUB),
    "kraken": _texts(KRAKEN),
    "massive": _texts(MASSIVE),
    "alpaca": ALPACA,
    "template": ('{"symbol": "btcusdt", "price": "91234.56", "id": 5000000001}',),
}
"""The samples of the shared provider test; every registered stream has its own."""
