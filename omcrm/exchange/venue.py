"""The contract of a venue: whose wire format is spoken, on WebSockets and over HTTP.

Adding one: copy `venues/coinbase.py` (WebSocket) or `venues/coingecko.py` (HTTP), and add a line to
`venues/__init__.py`. A venue hears of the market by Binance's events, which the model and Binance's
tapes publish, and says the same in its own words; one with a tape of its own plays that instead.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from msgspec import Struct

from omcrm.exchange.http import Answer, Request
from omcrm.exchange.message import Message

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange


class Line(Protocol):
    """What a dialect may do with its connection."""

    number: int

    def say(self, text: bytes) -> None:
        """Send a text frame now."""

    def close(self, code: int, reason: str) -> None:
        """Say goodbye with a close frame and end."""

    def drop(self, reset: bool) -> None:
        """End the TCP connection without a word."""

    @property
    def subscriptions(self) -> list[str]:
        """The streams received, in Binance's names, in the order they were asked for."""

    def subscribe(self, streams: list[str]) -> None:
        """Receive Binance's `streams` from now on."""

    def unsubscribe(self, streams: list[str]) -> None:
        """Receive `streams` no longer."""


class Dialect(Protocol):
    """How a venue speaks on one connection; `frames_a_second` is what a client may send."""

    frames_a_second: int | None

    def opened(self) -> None:
        """The handshake is done."""

    def heard(self, text: bytes) -> None:
        """The client sent a message; any bytes."""

    def told(self, message: Message) -> Iterable[bytes]:
        """The frames that tell the client of a market message."""

    def second(self) -> None:
        """A second has passed: heartbeats, deadlines."""

    def closing_soon(self) -> bytes | None:
        """The text that announces the end, where the venue has one."""

    def ended(self) -> None:
        """The connection is gone."""

    def status(self) -> dict[str, Any]:
        """What `GET /control` tells about this connection besides the usual."""


Speak: TypeAlias = "Callable[[Exchange, Request], Callable[[Line], Dialect] | Answer]"


class Venue(Struct, frozen=True):
    """One venue.

    `speak` tells how to speak on a new WebSocket, or gives the answer that refuses it. `answer`
    serves HTTP; None ends the connection without a word. Both get the request without the venue's
    name in its path.
    """

    speak: "Speak | None" = None
    answer: "Callable[[Exchange, Request], Answer | None] | None" = None


class PlainDialect:
    """What most dialects have in common; a new one overrides what it needs."""

    frames_a_second: int | None = None

    def __init__(self, exchange: "Exchange", line: Line) -> None:
        self.exchange = exchange
        self.line = line

    def opened(self) -> None:
        """Say nothing."""

    def heard(self, text: bytes) -> None:
        """Ignore it."""

    def told(self, message: Message) -> Iterable[bytes]:
        """Tell nothing."""
        return ()

    def second(self) -> None:
        """Say nothing."""

    def closing_soon(self) -> bytes | None:
        """The end comes without notice."""
        return None

    def ended(self) -> None:
        """Nothing is to be cleaned up."""

    def status(self) -> dict[str, Any]:
        """Nothing is to be added."""
        return {}
