"""The faults that last until they are cleared, apart from those of the stream subscriptions."""

from typing import Any

from msgspec import Struct

from simulator.distortion import Distortion

PING_INTERVAL = 20.0
PONG_TIMEOUT = 60.0


class HttpRefusal(Struct, frozen=True):
    """How new handshakes or calls are refused."""

    status: int
    retry_after: int | None = None


class FaultSettings(Struct):
    """How connections are treated; `active` is shown by `GET /control`.

    `ahead` is how many seconds the provider's clock is ahead, behind where negative; with
    `changes_every` it is so far ahead and behind by turns, each for so many seconds. `tricks` are
    the faults that only one provider has, with their amounts. HTTP answers have times of
    `answer_age` ms ago. `distortion` changes all prices; `dead_channels` send
    nothing.
    """

    refusal: HttpRefusal | None = None
    call_refusal: HttpRefusal | None = None
    answer_age: int = 0
    half_open: bool = False
    lifetime: float | None = None
    ping_interval: float = PING_INTERVAL
    pong_timeout: float = PONG_TIMEOUT
    ahead: float = 0.0
    changes_every: float = 0.0
    tricks: dict[str, float] = {}
    distortion: Distortion | None = None
    dead_channels: frozenset[str] = frozenset()
    active: dict[str, dict[str, Any]] = {}
