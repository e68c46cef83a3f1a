"""Which source is active, and why that changes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from omcrm.market.policy import Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.source import HealthState
from omcrm.market.source_quote import SourceQuote


class FailoverReason(StrEnum):
    """Why another source becomes active."""

    FIRST = "first"
    DOWN = "down"
    OFF = "off"
    STALE = "stale"
    CONTRADICTED = "contradicted"
    RECOVERED = "recovered"
    CLOSED = "market closed"


class Failover(Struct, frozen=True):
    """One change of the active source; `before` is None for the first price of a symbol.

    `age` is how old the last price of the source before was.
    """

    at: datetime
    symbol: str
    before: str | None
    after: str
    reason: FailoverReason
    age: timedelta | None = None


class Candidate(Struct, frozen=True):
    """A source that has a price; `fresh_since` is since when it has never been stale.

    One that `is_starting` needs no recovery hold; `recovery_hold` is that of the others.
    `is_contradicted` where it would be live if no other live source said otherwise.
    """

    source_quote: SourceQuote
    price_class: PriceClass
    fresh_since: datetime | None = None
    is_starting: bool = False
    recovery_hold: timedelta = timedelta()
    is_contradicted: bool = False


def choose_source(
    policy: Policy,
    candidates: Mapping[str, Candidate],
    now: datetime,
    *,
    current: str | None = None,
    waiting: bool = False,
) -> str | None:
    """The name of the source to be active, or None while there should be none.

    Streams come before delayed prices, these before a stale stream, that before polled prices, and
    all of them before recordings; among equals the policy's order decides, but a source that comes
    back waits for its recovery hold. A real source that ever had a price is never replaced by an
    invented one, only by another real one; `waiting` is whether the first price of a real source is
    still expected.
    """
    known = [name for name in policy.sources if name in candidates]
    real = {
        name: candidates[name] for name in known if candidates[name].source_quote.source.is_real
    }
    for eligible in (
        _of_class(real, PriceClass.LIVE),
        _of_class(real, PriceClass.CLOSED),
        _of_class(real, PriceClass.DELAYED),
        [
            name
            for name in _of_class(real, PriceClass.STALE)
            if _may_wait(real[name].source_quote, policy, now)
        ],
        _of_class(real, PriceClass.INDICATIVE),
        _of_class(real, PriceClass.REPLAYED),
    ):
        if eligible:
            return _steady(eligible, real, now, current)
    if real:
        return max(real, key=lambda name: real[name].source_quote.as_of)
    if waiting or not known:
        return None
    return known[0]


# Why the price of a source is stale that is not healthy. Beside one that has just been started, the
# price of another one is the first.
_REASONS = {
    HealthState.DOWN: FailoverReason.DOWN,
    HealthState.OFF: FailoverReason.OFF,
    HealthState.PENDING: FailoverReason.FIRST,
}


def reason_of(
    before: Candidate | None, after: Candidate, health: HealthState, *, is_better: bool
) -> FailoverReason:
    """Why `after` becomes active instead of `before`, which is None where none was; `health` is
    that of the source before."""
    if (
        before is None
        or not before.source_quote.source.is_real
        or (is_better and after.is_starting)
    ):
        return FailoverReason.FIRST
    if after.price_class is PriceClass.CLOSED:
        return FailoverReason.CLOSED
    if before.is_contradicted:
        return FailoverReason.CONTRADICTED
    if is_better and after.price_class.is_fresh and before.price_class.is_fresh:
        return FailoverReason.RECOVERED
    return _REASONS.get(health, FailoverReason.STALE)


def _of_class(real: Mapping[str, Candidate], price_class: PriceClass) -> list[str]:
    return [name for name, candidate in real.items() if candidate.price_class is price_class]


def _steady(
    eligible: list[str],
    real: Mapping[str, Candidate],
    now: datetime,
    current: str | None,
) -> str:
    """The best of equals; the active one stays until the recovery hold of a better one is over."""
    first = real[eligible[0]]
    if first.price_class in (PriceClass.CLOSED, PriceClass.STALE):
        # No tick arrives now: the newest price is the best.
        if current in eligible:
            return str(current)
        return max(eligible, key=lambda name: real[name].source_quote.as_of)
    if current not in eligible:
        return eligible[0]
    for name in eligible[: eligible.index(current)]:
        if _has_recovered(real[name], now):
            return name
    return current


def _has_recovered(candidate: Candidate, now: datetime) -> bool:
    if candidate.is_starting:
        return True
    since = candidate.fresh_since
    return since is not None and now - since >= candidate.recovery_hold


def _may_wait(held: SourceQuote, policy: Policy, now: datetime) -> bool:
    """Whether a stale price is young enough to wait for its stream; what was asked for is not, nor
    what is of a recording."""
    is_streamed = held.source.claim is PriceClass.LIVE and held.recorded_at is None
    return is_streamed and held.age(now) <= policy.stale_hold


def place(order: tuple[str, ...], source: str) -> int:
    """How many sources are preferred to this one."""
    return order.index(source) if source in order else len(order)
