"""Binance's stream names and connection URLs."""

from urllib.parse import unquote

from msgspec import Struct

STREAM_LIMIT = 1024


class SocketOpening(Struct, frozen=True):
    """What the URL of a new WebSocket subscribes to."""

    streams: tuple[str, ...]
    combined: bool


def query_pairs(query: str) -> list[tuple[str, str]]:
    """Return the pairs of a query string; unlike a form's, its plus signs stay plus signs."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def opening_of(target: str) -> SocketOpening | None:
    """Return what a WebSocket URL subscribes to; None where it is no WebSocket endpoint."""
    path, _, query = target.partition("?")
    parameters = dict(query_pairs(query))
    endpoint, _, rest = path.lstrip("/").partition("/")
    if endpoint not in {"ws", "stream"}:
        return None
    named = unquote(rest) if endpoint == "ws" else parameters.get("streams", "")
    return SocketOpening(
        streams=tuple(dict.fromkeys(name for name in named.split("/") if name)),
        combined=endpoint == "stream",
    )


def symbol_of(stream: str) -> str:
    """Return the symbol of a stream, in capitals; empty for a stream of all symbols."""
    return stream.partition("@")[0].upper() if not stream.startswith("!") else ""
