"""The contract of a source of market data: the market model or a recording."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from simulator.listing import Listing
from simulator.protocol import ProviderProtocol
from simulator.stream_message import StreamMessage


class StreamPublisher(Protocol):
    """Where a source publishes: the subscriptions of one provider or of all."""

    def wants(self, stream: str) -> bool:
        """Return whether `stream` has subscribers."""

    def wanted(self) -> list[str]:
        """Return every stream that has subscribers."""

    def publish(self, message: StreamMessage) -> None:
        """Queue a message for all subscribers of its stream; `flush` sends it."""

    def flush(self) -> None:
        """Write what is queued."""

    async def drained(self) -> None:
        """Wait until every receiver accepts more."""


class ListedMarket(Protocol):
    """What is listed in a market, and its time."""

    @property
    def listings(self) -> Mapping[str, Listing]:
        """The listings by symbol, in capitals."""

    def now(self) -> int:
        """Return the market's own time in ms."""


class MarketSource(ListedMarket, Protocol):
    """A market: its listings, and the messages it publishes once started."""

    waits_for_readers: bool

    @property
    def recorded_at(self) -> datetime | None:
        """When its market was recorded; None where it happens now."""

    def describe(self) -> str:
        """Return the description for the line printed at the start."""

    def take_trade_id(self, listing: Listing) -> int:
        """Return and use up the next trade id of a symbol, for a trade that a fault invents."""

    def take_update_id(self, listing: Listing) -> int:
        """Return and use up the next book update id of a symbol."""

    def protocol(self, name: str, usual: ProviderProtocol) -> ProviderProtocol:
        """Return the protocol of a provider for this market, `usual` where it has no other."""

    def start(self) -> None:
        """Start publishing."""

    def stop(self) -> None:
        """Stop publishing."""

    def subscribed(self, streams: Iterable[str]) -> None:
        """Called when a client has subscribed to `streams`."""

    def status(self) -> Mapping[str, Any]:
        """Return this source's part of `GET /control`."""
