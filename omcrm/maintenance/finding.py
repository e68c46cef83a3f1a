"""What a check of an installation has found."""

from enum import StrEnum

from msgspec import Struct

# A clock that is off by more makes prices late, as the feeds report it; in seconds.
_CLOCK_OFF = 2.0


class Condition(StrEnum):
    """How a part is; a `problem` has to be solved, a `warning` should be read."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


class Finding(Struct, frozen=True):
    """How one part is, in words, and what to do where it is not well. It has no secrets."""

    part: str
    condition: Condition
    text: str
    advice: str = ""


def ok(part: str, text: str) -> Finding:
    """The part is well."""
    return Finding(part, Condition.OK, text)


def warning(part: str, text: str, advice: str) -> Finding:
    """The part works, and may not for long, or not for everybody."""
    return Finding(part, Condition.WARNING, text, advice)


def problem(part: str, text: str, advice: str) -> Finding:
    """The part does not work."""
    return Finding(part, Condition.PROBLEM, text, advice)


def skipped(part: str, text: str) -> Finding:
    """The part is not used here, or cannot be checked."""
    return Finding(part, Condition.SKIPPED, text)


def clock_finding(part: str, whose: str, ahead: float) -> Finding:
    """How far this machine's clock is ahead of another one, in seconds."""
    if abs(ahead) < _CLOCK_OFF:
        return ok(part, f"agrees with {whose}")
    direction = "ahead of" if ahead > 0 else "behind"
    return problem(
        part,
        f"this machine's clock is {abs(ahead):.1f} s {direction} {whose}",
        "let both be set over the network: timedatectl set-ntp true, or chrony",
    )
