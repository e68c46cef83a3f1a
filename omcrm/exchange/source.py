"""What feeds the exchange: the contract of the market model and of the tape."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from omcrm.exchange.listing import Listing
from omcrm.exchange.message import Message
from omcrm.exchange.venue import Venue


class Outlet(Protocol):
    """What a market publishes to: a switchboard, or the trunk to several."""

    def wants(self, stream: str) -> bool:
        """Tell whether anybody receives `stream`."""

    def wanted(self) -> list[str]:
        """Give every stream that somebody receives."""

    def publish(self, message: Message) -> None:
        """Queue a message for all who receive its stream; `flush` sends it."""

    def flush(self) -> None:
        """Write out what is queued."""

    async def drained(self) -> None:
        """Wait until every receiver can take more."""


class Source(Protocol):
    """A market: its listings, and the messages it publishes once started."""

    waits_for_readers: bool

    @property
    def listings(self) -> Mapping[str, Listing]:
        """Its symbols, in capitals, and their state."""

    def describe(self) -> str:
        """Give the words for the line printed at the start."""

    def now(self) -> int:
        """Give the market's own time in ms."""

    def take_trade_id(self, listing: Listing) -> int:
        """Use up the next trade id of a symbol, for a trade that a fault invents."""

    def take_update_id(self, listing: Listing) -> int:
        """Use up the next book update id of a symbol."""

    def venue(self, name: str, usual: Venue) -> Venue:
        """Give how a venue speaks of this market."""

    def start(self) -> None:
        """Begin to publish."""

    def stop(self) -> None:
        """Publish no more."""

    def subscribed(self, streams: Iterable[str]) -> None:
        """Hear that a client has asked for `streams`."""

    def status(self) -> Mapping[str, Any]:
        """Give what `GET /control` tells about this source."""
