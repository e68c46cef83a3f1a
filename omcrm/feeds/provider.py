"""The contract of an upstream: data and pure functions, no socket.

Adding one: copy `providers/_template.py`, write its functions, add a line to `registry.py`, and
give the shared provider test some recorded frames.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypeAlias

from msgspec import Struct

from omcrm.market.source import Source
from omcrm.market.tick import Tick


class Arrival(Struct, frozen=True):
    """What is known about a frame besides its bytes.

    `names` maps the provider's spelling of a symbol to ours: what is not in it is not followed.
    """

    received_at: datetime
    connection: int
    names: Mapping[str, str]


class Acknowledged(Struct, frozen=True):
    """The upstream accepted the request with this id; it promises no data."""

    id: int | str | None


class Refused(Struct, frozen=True):
    """The upstream refused a request."""

    code: int
    message: str


class ClosingSoon(Struct, frozen=True):
    """The upstream is about to close this connection: open another now."""


class Unreadable(Struct, frozen=True):
    """The frame is not what this upstream sends; `problem` says why."""

    problem: str


Event: TypeAlias = Tick | Acknowledged | Refused | ClosingSoon | Unreadable


class Limits(Struct, frozen=True):
    """What the upstream allows on one connection; times in seconds.

    `replace_after` is when a connection is replaced before the upstream ends it, None for never.
    """

    symbols: int
    frame_spacing: float
    replace_after: float | None = None


class StreamProvider(Protocol):
    """An upstream that pushes frames over a WebSocket."""

    @property
    def source(self) -> Source:
        """Its name and the best class its prices can have."""

    @property
    def limits(self) -> Limits:
        """What it allows on one connection."""

    def url(self) -> str:
        """Where to connect; asked anew for every connection."""

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        """The frames that ask for these symbols, in the provider's spelling.

        `request` numbers the first of them.
        """

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        """The frames that end these symbols."""

    def parse(self, frame: str | bytes, arrival: Arrival) -> Iterable[Event]:
        """What a frame says; never raises, whatever the bytes are."""
