"""Whether a process works, for the programs that watch over it."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class JsonAlive(Struct, frozen=True, kw_only=True):
    """The process runs."""

    status: Literal["ok"] = "ok"


class JsonReadiness(Struct, frozen=True, kw_only=True):
    """Whether the process can serve requests, and which parts fail."""

    failing: list[str] | UnsetType = UNSET
    status: Literal["ready", "unavailable"]
