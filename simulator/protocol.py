"""The contract of a provider: its wire format on WebSockets and over HTTP.

To add one: copy `providers/coinbase.py` (WebSocket) or `providers/coingecko.py` (HTTP); each file
there with a `VENUE` is one. A provider receives the market as Binance's events, which the model and
Binance's recordings publish, and translates them; a provider with a recording of its own plays that
instead.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from msgspec import Struct

from simulator.http import HttpAnswer, HttpRequest
from simulator.stream_message import StreamMessage

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer


class ClientLine(Protocol):
    """What a dialect may do with its connection."""

    number: int

    def send_text(self, text: bytes) -> None:
        """Send a text frame now."""

    def close(self, code: int, reason: str) -> None:
        """Send a close frame and end."""

    def drop(self, reset: bool) -> None:
        """End the TCP connection without a close frame."""

    @property
    def subscriptions(self) -> list[str]:
        """The subscribed streams, by Binance's names, in the order of the requests."""

    def subscribe(self, streams: list[str]) -> None:
        """Subscribe to Binance's `streams`."""

    def unsubscribe(self, streams: list[str]) -> None:
        """Unsubscribe from `streams`."""


class ProviderDialect(Protocol):
    """A provider's messages on one connection; `frames_a_second` is the client's limit."""

    frames_a_second: int | None

    def opened(self) -> None:
        """Called after the handshake."""

    def received(self, text: bytes) -> None:
        """Process a message of the client; any bytes."""

    def frames_for(self, message: StreamMessage) -> Iterable[bytes]:
        """Return the frames that carry a market message."""

    def second(self) -> None:
        """Called every second, for heartbeats and deadlines."""

    def closing_soon(self) -> bytes | None:
        """Return the text that announces the shutdown, where the provider has one."""

    def ended(self) -> None:
        """Called after the connection has ended."""

    def status(self) -> dict[str, Any]:
        """Return what this dialect adds to its connection in `GET /control`."""


OpenSocket: TypeAlias = (
    "Callable[[ProviderServer, HttpRequest], Callable[[ClientLine], ProviderDialect] | HttpAnswer]"
)


class SourceEndpoint(Struct, frozen=True):
    """Where a source is served: its provider, and whether it is polled there over HTTP.

    `by_question` is for answers that do not name what they are about. `login` is contained in the
    frame that a connection waits for before it subscribes. `time_keys` are the keys of all times in
    its frames, see `redating.times_of`.
    """

    provider: str
    over_http: bool = False
    by_question: bool = False
    login: bytes = b""
    time_keys: tuple[str, ...] = ()


class ProviderProtocol(Struct, frozen=True):
    """The protocol of one provider.

    `open_socket` returns the dialect's factory for a new WebSocket, or the answer that refuses it.
    `answer` serves HTTP; None ends the connection without an answer. Both get the request without
    the provider's name in its path. `endpoints` are those of the sources that have recordings of
    their own, by the source's name. `conditions` are those of shares that it writes, as on tape C,
    with CANCEL and CORRECT where it takes trades back.
    """

    open_socket: "OpenSocket | None" = None
    answer: "Callable[[ProviderServer, HttpRequest], HttpAnswer | None] | None" = None
    endpoints: Mapping[str, SourceEndpoint] = {}
    conditions: tuple[str, ...] = ()


class PlainDialect:
    """What most dialects have in common; a new one overrides what it needs."""

    frames_a_second: int | None = None

    def __init__(self, server: "ProviderServer", line: ClientLine) -> None:
        self.server = server
        self.line = line

    def opened(self) -> None:
        """Send nothing."""

    def received(self, text: bytes) -> None:
        """Ignore it."""

    def frames_for(self, message: StreamMessage) -> Iterable[bytes]:
        """Return no frames."""
        return ()

    def second(self) -> None:
        """Send nothing."""

    def closing_soon(self) -> bytes | None:
        """Return None: the end comes without notice."""
        return None

    def ended(self) -> None:
        """Do nothing."""

    def status(self) -> dict[str, Any]:
        """Return nothing to add."""
        return {}
