"""The desk's messages as the load client reads them, and as the other servers send them.

They all send the same text: a `price_update` as long as one of OMCRM's own.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from omcrm.market.catalogue import CATALOGUE

NAMESPACE = "/webtrader"
UPDATE = b'42/webtrader,["price_update",'
# How updates begin: the desk's, and those of the raw sockets that send each change.
UPDATES = (UPDATE, b'{"type":"quote",', b'{"type":"asset_update",')
SYMBOLS = tuple(instrument.symbol for instrument in CATALOGUE)

# The placeholders that the floor replaces at each tick.
_TIME = "T" * 24
_SEQ = "S" * 7


def now() -> str:
    """The time as it is written in an update."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def update(symbol: str, count: int) -> dict[str, Any]:
    """The body of the `count`th tick, made now."""
    # Two digits that are never rounded away, so that all texts have the same length.
    price = 61800 + (11 + count % 8 * 11) / 100
    return body(symbol, price, now(), 1_000_000 + count)


def body(symbol: str, price: Any, time: str, seq: Any) -> dict[str, Any]:
    """The body of a `price_update` in the order of OMCRM's fields."""
    return {
        "symbol": symbol,
        "price": price,
        "change_24h": -1.234,
        "timestamp": time,
        "bid": 61799.98,
        "ask": 61800.02,
        "open_24h": 62571.77,
        "high_24h": 63011.25,
        "low_24h": 61222.31,
        "volume_24h": 1514.95512,
        "source": "binance",
        "price_class": "live",
        "price_basis": "trade",
        "provider_time": time,
        "received_at": time,
        "seq": seq,
    }


def template(symbol: str) -> str:
    """The whole message, with placeholders for price, times and number."""
    price, seq = "61800.PP", _SEQ
    text = json.dumps(body(symbol, "<price>", _TIME, "<seq>"), separators=(",", ":"))
    text = text.replace('"<price>"', price).replace('"<seq>"', seq)
    return f"{UPDATE.decode()}{text}]"


def subscription(symbols: Iterable[str]) -> bytes:
    """The message by which a page subscribes to these symbols."""
    event = ["subscribe_to_instruments", {"symbols": list(symbols)}]
    return f"42{NAMESPACE},{json.dumps(event, separators=(',', ':'))}".encode()


def moment(update_text: bytes) -> float | None:
    """When the update's price was made, in seconds since 1970."""
    _, key, rest = update_text.partition(b'"provider_time":"')
    if not key:
        return None
    return datetime.fromisoformat(rest[:24].decode()).timestamp()
