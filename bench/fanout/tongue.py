"""In which words a client asks for prices, and how it knows them: the desk's, or a raw socket's."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.fanout.dialect import NAMESPACE, UPDATE, subscription
from bench.fanout.frame import masked


class NotWelcome(Exception):
    """The server does not want this client; what it said."""


Say = Callable[[bytes], Iterator[bytes]]


@dataclass(frozen=True)
class Tongue:
    """One dialect.

    `ask` gives what a client sends for its symbols; a message that begins with `answer` is a first
    price. One that `pushes` sends each change, the other a list every few seconds.
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


DESK = Tongue(
    "desk",
    "/socket.io/?EIO=4&transport=websocket",
    lambda symbols: [subscription(symbols)],
    UPDATE,
)
RAW = (
    Tongue("market_feed", "/ws/market/feed", _market_feed, b'{"type":"quote",'),
    Tongue("realtime", "/ws/realtime/", _realtime, b'{"type":"asset_update",'),
    Tongue("quotes", "/quotes", _quotes, b"[", pushes=False),
)
TONGUES = {tongue.name: tongue for tongue in (DESK, *RAW)}


def welcomed(payload: bytes) -> Iterator[bytes]:
    """How a page of the desk gets into its namespace: what it answers to each message before."""
    namespace = NAMESPACE.encode()
    if payload.startswith(b"44" + namespace):
        raise NotWelcome(payload.decode("utf-8", "replace")[:200])
    if payload.startswith(b"0{"):
        yield masked(b"40" + namespace + b",")
    elif payload == b"2":
        yield masked(b"3")
