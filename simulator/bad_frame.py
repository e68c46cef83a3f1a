"""Frames no client expects: malformed, too big, binary."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from websockets.frames import Opcode

from simulator.client_socket import ClientSocket
from simulator.provider_server import ProviderServer
from simulator.stream_message import framed
from simulator.stream_name import symbol_of

NESTING = 2000
MEGABYTE = 1024 * 1024
NOT_UTF8 = b'{"e":"trade","s":"\xff\xfe\x80"}'


class NoFrameOptions(Struct, forbid_unknown_fields=True):
    """A fault without options."""


class BigFrame(Struct, forbid_unknown_fields=True):
    """How big the frame's payload is."""

    bytes: Annotated[int, Meta(ge=16, le=64 * MEGABYTE)] = MEGABYTE


def garbage(server: ProviderServer, options: NoFrameOptions) -> dict[str, Any]:
    """Send every connection the full set of malformed frames."""
    count = 0
    for client_socket in server.client_sockets.values():
        for payload in malformed(_some_stream(client_socket)):
            client_socket.send(framed(payload))
            count += 1
        client_socket.send(framed(NOT_UTF8, Opcode.BINARY))
    return {"connections": len(server.client_sockets), "frames": count + len(server.client_sockets)}


def big_frame(server: ProviderServer, options: BigFrame) -> dict[str, Any]:
    """Send every connection one big frame of valid JSON that is no event."""
    shell = len(b'{"padding":""}')
    payload = b'{"padding":"%s"}' % (b"x" * (options.bytes - shell))
    _send_all(server, framed(payload))
    return {"connections": len(server.client_sockets), "bytes": len(payload)}


def binary(server: ProviderServer, options: NoFrameOptions) -> dict[str, Any]:
    """Send every connection one binary frame."""
    _send_all(server, framed(bytes(range(256)), Opcode.BINARY))
    return {"connections": len(server.client_sockets)}


def malformed(stream: str) -> Iterator[bytes]:
    """Return payloads that no feed may fail on, bare and wrapped as events of `stream`."""
    yield from (b"", b" ", b"null", b"17", b'"text"', b"[]", b"[1,2,3]", b"{}", b"NaN")
    yield b'{"e":"trade","E":1723161255343,"s":"BTC'
    yield b'{"stream":"%s"}' % stream.encode()
    yield b'{"stream":"%s","data":null}' % stream.encode()
    yield b'{"stream":"%s","data":[]}' % stream.encode()
    yield b'{"stream":5,"data":{"e":"trade"}}'
    yield b"[" * NESTING + b"]" * NESTING
    yield b'{"a":' * NESTING + b"1" + b"}" * NESTING
    for event in _wrong_events(symbol_of(stream)):
        payload = msgspec.json.encode(event)
        yield payload
        yield b'{"stream":"%s","data":%s}' % (stream.encode(), payload)


def _wrong_events(symbol: str) -> Iterator[dict[str, Any]]:
    trade: dict[str, Any] = {
        "e": "trade", "E": 1, "s": symbol, "t": 1, "p": "1.00000000", "q": "1.00000000",
        "T": 1, "m": True, "M": True,
    }  # fmt: skip
    wrong: tuple[Any, ...] = ([], {}, None, True, "", "abc", "NaN", "-1", "0", "Infinity", "1e999")
    for value in wrong:
        yield {**trade, "p": value}
    for key in ("E", "s", "t", "p", "T"):
        yield {name: value for name, value in trade.items() if name != key}
        yield {**trade, key: []}
    yield {**trade, "e": "noSuchEvent"}
    yield {**trade, "e": {"e": "trade"}}
    yield {**trade, "T": "yesterday", "E": 1e300}
    yield {"u": "x", "s": symbol, "b": None, "B": "1", "a": [], "A": "1"}
    yield {"u": 1, "s": symbol, "b": "-5", "B": "1", "a": "NaN", "A": "1"}
    yield {"e": "24hrTicker", "s": symbol, "c": "NaN", "o": [], "h": {}, "l": None}


def _send_all(server: ProviderServer, frame: bytes) -> None:
    for client_socket in server.client_sockets.values():
        client_socket.send(frame)


def _some_stream(client_socket: ClientSocket) -> str:
    named = (name for name in client_socket.subscriptions if not name.startswith("!"))
    return next(named, "btcusdt@trade")
