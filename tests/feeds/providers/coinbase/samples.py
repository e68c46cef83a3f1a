"""Samples of Coinbase, as it sends them; made by hand."""

from tests.feeds.samples import BEGIN, DAY, HistorySamples, StreamSamples, reply, texts

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

STREAM = StreamSamples("BTC-USD", texts(COINBASE))


def _candle(number: int) -> list[object]:
    # Low, high, open, close, volume.
    return [BEGIN + number * DAY, 90000, 92000.0, 91000.1, 91500.2 + number, 12.5]


HISTORY = HistorySamples(
    name="BTC-USD",
    days=reply([_candle(number) for number in reversed(range(4))]),
    nothing=(reply([]),),
    refusals=((reply({"message": "Public rate limit exceeded"}, 429), 429),),
    unknown=reply({"message": "NotFound"}, 404),
)
