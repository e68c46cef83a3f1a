"""How a client subscribes to prices and recognizes them: on the desk, and on raw sockets."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.fanout.dialect import NAMESPACE, UPDATE, subscription
from bench.fanout.frame import masked


class HandshakeRefused(Exception):
    """The server refused this client; the message has its answer."""


@dataclass(frozen=True)
class ClientDialect:
    """One dialect, as a client uses it.

    `ask` returns the messages that subscribe to symbols; a message that begins with `answer` is a
    first price. With `pushes` the server sends each change, else a list every few seconds.
    """

    name: str
    path: str
    ask: Callable[[tuple[str, ...]], list[bytes]]
    answer: bytes
    pushes: bool = True


def _market_feed(symbols: tuple[str, ...]) -> list[bytes]:
    return [_json({"action": "subscribe", "symbols": symbols})]


def _realtime(symbols: tuple[str, ...]) -> list[bytes]:
    return [_json({"type": "subscribe_asset", "data": {"symbol": symbol}}) for symbol in symbols]


def _quotes(symbols: tuple[str, ...]) -> list[bytes]:
    return [",".join(symbols).encode()]


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


DESK = ClientDialect(
    "desk",
    "/socket.io/?EIO=4&transport=websocket",
    lambda symbols: [subscription(symbols)],
    UPDATE,
)
RAW = (
    ClientDialect("market_feed", "/ws/market/feed", _market_feed, b'{"type":"quote",'),
    ClientDialect("realtime", "/ws/realtime/", _realtime, b'{"type":"asset_update",'),
    ClientDialect("quotes", "/quotes", _quotes, b"[", pushes=False),
)
DIALECTS = {dialect.name: dialect for dialect in (DESK, *RAW)}


def namespace_answers(payload: bytes) -> Iterator[bytes]:
    """A page's answers to the messages before it is connected to the namespace."""
    namespace = NAMESPACE.encode()
    if payload.startswith(b"44" + namespace):
        raise HandshakeRefused(payload.decode("utf-8", "replace")[:200])
    if payload.startswith(b"0{"):
        yield masked(b"40" + namespace + b",")
    elif payload == b"2":
        yield masked(b"3")
