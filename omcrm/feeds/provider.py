"""The contract of an upstream: data and pure functions, no socket.

Adding one: copy the folder `providers/_template`, which says what belongs to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from omcrm.market.source import Source
from omcrm.market.tick import Tick
from omcrm.market.trade_condition import ConditionTable


class FrameContext(Struct, frozen=True):
    """What is known about a frame besides its bytes.

    `names` maps the provider's spelling of a symbol to ours: other symbols are ignored.
    """

    received_at: datetime
    connection: int
    names: Mapping[str, str]


class Acknowledged(Struct, frozen=True):
    """The upstream accepted the request with this id; data may still not come."""

    id: int | str | None


class RequestRejected(Struct, frozen=True):
    """The upstream refused a request."""

    code: int
    message: str


class Authenticated(Struct, frozen=True):
    """The upstream has accepted the login: symbols may be subscribed now."""


class AccessDenied(Struct, frozen=True):
    """The upstream does not serve this connection or key; the connection ends because of it.

    `status` is the nearest of HTTP's: 401 for a wrong key, 403 for what the plan does not include,
    429 for too many connections or calls. `retry_after` is in seconds, None where it is not given.
    """

    status: int
    message: str
    retry_after: float | None = None


class ClosingSoon(Struct, frozen=True):
    """The upstream is about to close this connection: open another now."""


class Unreadable(Struct, frozen=True):
    """The frame is not one that this upstream sends; `problem` describes what is wrong."""

    problem: str


class UnknownCondition(Struct, frozen=True):
    """A trade has a condition that no table has: it does not set the last price."""

    code: str


Event: TypeAlias = (
    Tick
    | Acknowledged
    | RequestRejected
    | Authenticated
    | AccessDenied
    | ClosingSoon
    | Unreadable
    | UnknownCondition
)


class StreamLimits(Struct, frozen=True):
    """What the upstream allows on one connection; times in seconds.

    `replace_after` is the age at which a connection is replaced before the upstream ends it, None
    for never. `heartbeat_timeout` is for upstreams that send frames more rarely than others:
    without any frame for so long their connection is dead. `connections` is how many one key may
    have at the same time, over all processes; None for no limit. `ping` is the text that is sent as
    a ping where the upstream wants it instead of a ping frame.
    """

    symbols: int
    frame_spacing: float
    replace_after: float | None = None
    heartbeat_timeout: float | None = None
    connections: int | None = None
    ping: str | None = None


class Provider(Protocol):
    """What every upstream has, streamed or polled."""

    @property
    def source(self) -> Source:
        """Its name and the best price class it can have."""

    def missing(self) -> str | None:
        """The name of a required setting that is not set; None where nothing is missing."""

    def api_key(self) -> str:
        """The key that is sent and that limits are counted by; empty where it needs none."""


class StreamProvider(Provider, Protocol):
    """An upstream that pushes frames over a WebSocket."""

    @property
    def limits(self) -> StreamLimits:
        """What it allows on one connection."""

    @property
    def authenticates(self) -> bool:
        """Whether symbols may be subscribed only after an `Authenticated`."""

    def url(self) -> str:
        """Where to connect; read anew for every connection, and so is the key in it."""

    def opening(self) -> list[str]:
        """The frames to send first on a new connection."""

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        """The frames that subscribe to these symbols, in the provider's spelling.

        `request` numbers the first of them.
        """

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        """The frames that unsubscribe from these symbols."""

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        """The events in a frame; never raises, whatever the bytes are."""


class Budget(Struct, frozen=True):
    """The calls that are allowed in each calendar minute, hour, day or month of UTC."""

    calls: int
    period: Literal["minute", "hour", "day", "month"]


class PollLimits(Struct, frozen=True):
    """What a polled upstream allows; times in seconds.

    `batch` symbols fit into one call. Polling more often than every `interval` brings nothing new.
    `budgets` are those of one key, or of this host where there is none.
    """

    batch: int
    interval: float
    budgets: tuple[Budget, ...]


class Call(Struct, frozen=True):
    """One HTTP GET; `names` are the symbols it requests, in the provider's spelling."""

    url: str
    names: tuple[str, ...]
    headers: Mapping[str, str] = {}


class Reply(Struct, frozen=True):
    """The answer to a call; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class PollProvider(Provider, Protocol):
    """An upstream that is polled over HTTP."""

    @property
    def limits(self) -> PollLimits:
        """How often it may be polled, and for how many symbols in one call."""

    def calls(self, names: Sequence[str]) -> list[Call]:
        """The calls that request these symbols, in the order given, `batch` in each."""

    def parse(self, call: Call, reply: Reply, arrival: FrameContext) -> Iterable[Event]:
        """The events in a reply; never raises, whatever the bytes are."""


class Keyless:
    """The key-related methods of an upstream that needs no key."""

    authenticates = False

    def missing(self) -> str | None:
        return None

    def api_key(self) -> str:
        return ""

    def opening(self) -> list[str]:
        return []


def batches(names: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """`names` in their order, at most `size` in each tuple."""
    return [tuple(names[start : start + size]) for start in range(0, len(names), size)]


# Reading frames

# Every error that reading a frame of any bytes can raise.
BAD_FRAME = (
    msgspec.MsgspecError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_LONGEST_PROBLEM = 200

decode = msgspec.json.Decoder(float_hook=Decimal).decode
"""JSON whose fractions are exact decimals; raises one of BAD_FRAME."""


def unknown_conditions(codes: Iterable[str], table: ConditionTable) -> list[UnknownCondition]:
    """An event for every condition that `table` lacks."""
    return [UnknownCondition(code) for code in codes if code not in table]


def unreadable(error: Exception) -> Unreadable:
    """The event for a frame that raised `error`."""
    return Unreadable(f"{type(error).__name__}: {error}"[:_LONGEST_PROBLEM])
