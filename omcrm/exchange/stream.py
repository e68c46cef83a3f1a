"""Stream names and connection URLs, as Binance spells them."""

from urllib.parse import unquote

from msgspec import Struct

STREAM_LIMIT = 1024


class Opening(Struct, frozen=True):
    """What the URL of a new WebSocket asks for."""

    streams: tuple[str, ...]
    combined: bool
    microseconds: bool


def query_pairs(query: str) -> list[tuple[str, str]]:
    """Give the pairs of a query string; unlike a form's, its plus signs stay plus signs."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def opening_of(target: str) -> Opening | None:
    """Give what a WebSocket URL asks for; None where it names no WebSocket endpoint."""
    path, _, query = target.partition("?")
    parameters = dict(query_pairs(query))
    room, _, rest = path.lstrip("/").partition("/")
    if room not in {"ws", "stream"}:
        return None
    named = unquote(rest) if room == "ws" else parameters.get("streams", "")
    return Opening(
        streams=tuple(dict.fromkeys(name for name in named.split("/") if name)),
        combined=room == "stream",
        microseconds=parameters.get("timeUnit", "").upper() == "MICROSECOND",
    )


def symbol_of(stream: str) -> str:
    """Give the symbol a stream is about, in capitals; empty for a stream about all of them."""
    return stream.partition("@")[0].upper() if not stream.startswith("!") else ""
