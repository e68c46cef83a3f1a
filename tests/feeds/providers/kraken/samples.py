"""Samples of Kraken, as it sends them; made by hand."""

from tests.feeds.samples import StreamSamples, texts

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

STREAM = StreamSamples("BTC/USD", texts(KRAKEN))
