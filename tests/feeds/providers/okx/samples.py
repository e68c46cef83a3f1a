"""Samples of OKX, as it sends them; made by hand."""

from typing import Any

from tests.feeds.samples import StreamSamples, text

TRADE = {
    "instId": "BTC-USDT", "tradeId": "730011501", "px": "91234.56", "sz": "0.0125", "side": "buy",
    "ts": "1770000000123", "count": "2", "source": "0", "seqId": 5500001,
}  # fmt: skip
BOOK = {
    "asks": [["91234.6", "0.8", "0", "3"]], "bids": [["91234.5", "1.25", "0", "4"]],
    "ts": "1770000000124", "seqId": 66000001,
}  # fmt: skip
TICKER = {
    "instType": "SPOT", "instId": "BTC-USDT", "last": "91234.56", "lastSz": "0.0125",
    "askPx": "91234.6", "askSz": "0.8", "bidPx": "91234.5", "bidSz": "1.25", "open24h": "90000",
    "high24h": "92000.5", "low24h": "89000", "volCcy24h": "1126300000.5", "vol24h": "12345.678",
    "sodUtc0": "90500", "sodUtc8": "90700", "ts": "1770000000125",
}  # fmt: skip


def pushed(channel: str, *entries: dict[str, Any], name: str = "BTC-USDT") -> str:
    return text({"arg": {"channel": channel, "instId": name}, "data": list(entries)})


def event(kind: str, **fields: Any) -> str:
    return text({"event": kind, **fields, "connId": "a4d3ae55"})


_TOPIC = {"channel": "trades", "instId": "BTC-USDT"}
_LATER = {**TRADE, "tradeId": "730011502", "px": "91240"}

STREAM = StreamSamples(
    "BTC-USDT",
    (
        pushed("trades", TRADE),
        pushed("trades", _LATER, TRADE),
        pushed("bbo-tbt", BOOK),
        pushed("tickers", TICKER),
        pushed("books", {**BOOK, "checksum": -855196043}),
        event("subscribe", arg=_TOPIC),
        event("unsubscribe", arg=_TOPIC),
        event("error", code="60012", msg="Invalid request"),
        event("notice", code="64008", msg="The connection will soon be closed for an upgrade."),
        event("channel-conn-count", channel="orders", connCount="2"),
    ),
)
