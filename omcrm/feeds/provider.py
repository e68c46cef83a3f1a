"""The contract of an upstream: data and pure functions, no socket.

Adding one: copy `providers/_template.py` (it pushes) or `providers/coingecko.py` (it is asked),
write its functions, add a line to `registry.py`, and give the shared provider test some recorded
frames.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from omcrm.market.source import Source
from omcrm.market.tick import Tick


class FrameContext(Struct, frozen=True):
    """What is known about a frame besides its bytes.

    `names` maps the provider's spelling of a symbol to ours: what is not in it is not followed.
    """

    received_at: datetime
    connection: int
    names: Mapping[str, str]


class Acknowledged(Struct, frozen=True):
    """The upstream accepted the request with this id; it promises no data."""

    id: int | str | None


class RequestRejected(Struct, frozen=True):
    """The upstream refused a request."""

    code: int
    message: str


class Authenticated(Struct, frozen=True):
    """The upstream knows who asks: symbols may be asked for now."""


class AccessDenied(Struct, frozen=True):
    """The upstream will not serve this connection or key; the connection ends because of it.

    `status` is the nearest of HTTP's: 401 for a wrong key, 403 for what the plan does not hold,
    429 for too many connections or calls. `retry_after` is in seconds where the upstream says so.
    """

    status: int
    message: str
    retry_after: float | None = None


class ClosingSoon(Struct, frozen=True):
    """The upstream is about to close this connection: open another now."""


class Unreadable(Struct, frozen=True):
    """The frame is not what this upstream sends; `problem` says why."""

    problem: str


Event: TypeAlias = (
    Tick | Acknowledged | RequestRejected | Authenticated | AccessDenied | ClosingSoon | Unreadable
)


class StreamLimits(Struct, frozen=True):
    """What the upstream allows on one connection; times in seconds.

    `replace_after` is when a connection is replaced before the upstream ends it, None for never.
    `silence` is for upstreams that are quieter than others: without any frame for so long their
    connection is dead. `connections` is how many one key may have at once, over all processes;
    None for no limit.
    """

    symbols: int
    frame_spacing: float
    replace_after: float | None = None
    silence: float | None = None
    connections: int | None = None


class Provider(Protocol):
    """What every upstream has, however its prices come."""

    @property
    def source(self) -> Source:
        """Its name and the best class its prices can have."""

    def missing(self) -> str | None:
        """The setting without which it cannot be asked; None where nothing is missing."""

    def api_key(self) -> str:
        """The key it is asked with, which limits are counted by; empty where it needs none."""


class StreamProvider(Provider, Protocol):
    """An upstream that pushes frames over a WebSocket."""

    @property
    def limits(self) -> StreamLimits:
        """What it allows on one connection."""

    @property
    def authenticates(self) -> bool:
        """Whether symbols may be asked for only after a `Authenticated`."""

    def url(self) -> str:
        """Where to connect; asked anew for every connection, and so is the key in it."""

    def opening(self) -> list[str]:
        """The frames to send first on a new connection."""

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        """The frames that ask for these symbols, in the provider's spelling.

        `request` numbers the first of them.
        """

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        """The frames that end these symbols."""

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        """What a frame says; never raises, whatever the bytes are."""


class Budget(Struct, frozen=True):
    """So many calls are allowed in each calendar minute, hour, day or month of UTC."""

    calls: int
    period: Literal["minute", "hour", "day", "month"]


class PollLimits(Struct, frozen=True):
    """What an upstream that is asked allows; times in seconds.

    `batch` symbols fit into one call. Asking more often than every `interval` brings nothing new.
    `budgets` are those of one key, or of this host where there is none.
    """

    batch: int
    interval: float
    budgets: tuple[Budget, ...]


class Call(Struct, frozen=True):
    """One HTTP GET; `names` are the symbols it asks for, in the provider's spelling."""

    url: str
    names: tuple[str, ...]
    headers: Mapping[str, str] = {}


class Reply(Struct, frozen=True):
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class PollProvider(Provider, Protocol):
    """An upstream that is asked over HTTP."""

    @property
    def limits(self) -> PollLimits:
        """How often it may be asked, and for how much at once."""

    def calls(self, names: Sequence[str]) -> list[Call]:
        """The calls that ask for these symbols, in the order given, `batch` in each."""

    def parse(self, call: Call, reply: Reply, arrival: FrameContext) -> Iterable[Event]:
        """What a reply says; never raises, whatever it is."""


class Keyless:
    """What an upstream without a key answers to the questions about one."""

    authenticates = False

    def missing(self) -> str | None:
        return None

    def api_key(self) -> str:
        return ""

    def opening(self) -> list[str]:
        return []


def batches(names: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """`names` in their order, at most `size` of them together."""
    return [tuple(names[start : start + size]) for start in range(0, len(names), size)]
