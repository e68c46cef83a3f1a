"""Which of several sources speaks for a symbol, and why it changes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from omcrm.market.policy import Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import SourceQuote


class FailoverReason(StrEnum):
    """Why another source speaks."""

    FIRST = "first"
    DOWN = "down"
    STALE = "stale"
    RECOVERED = "recovered"
    CLOSED = "market closed"


class Failover(Struct, frozen=True):
    """One change of speaker; `before` is None for the first price of a symbol.

    `silent` is how long the one before had said nothing believable.
    """

    at: datetime
    symbol: str
    before: str | None
    after: str
    why: FailoverReason
    silent: timedelta | None = None


class Candidate(Struct, frozen=True):
    """A source that has a price; `fresh_since` is since when it has never been stale.

    `settling` says that it has just been started and need not prove itself.
    """

    said: SourceQuote
    price_class: PriceClass
    fresh_since: datetime | None = None
    settling: bool = False


def choose(
    policy: Policy,
    candidates: Mapping[str, Candidate],
    now: datetime,
    *,
    current: str | None = None,
    waiting: bool = False,
) -> str | None:
    """The name of the source that speaks, or None while nobody should.

    Streams come before what is late, that before a stale stream, and that before what is asked
    now and then; among equals the policy's order decides, but a source that comes back speaks only
    after it has lived. A real source that was ever heard is never replaced by an invented price,
    only by another real one; `waiting` says that a real source is still expected to speak for the
    first time.
    """
    heard = [name for name in policy.sources if name in candidates]
    real = {name: candidates[name] for name in heard if candidates[name].said.source.is_real}
    for eligible in (
        _of(real, PriceClass.LIVE),
        _of(real, PriceClass.CLOSED),
        _of(real, PriceClass.DELAYED),
        [
            name
            for name in _of(real, PriceClass.STALE)
            if real[name].said.age(now) <= policy.patience
        ],
        _of(real, PriceClass.INDICATIVE),
    ):
        if eligible:
            return _steady(eligible, real, policy, now, current)
    if real:
        return max(real, key=lambda name: real[name].said.received_at)
    if waiting or not heard:
        return None
    return heard[0]


def _of(real: Mapping[str, Candidate], price_class: PriceClass) -> list[str]:
    return [name for name, item in real.items() if item.price_class is price_class]


def _steady(
    eligible: list[str],
    real: Mapping[str, Candidate],
    policy: Policy,
    now: datetime,
    current: str | None,
) -> str:
    """The best of equals, which keeps who speaks until a better one has proven itself."""
    first = real[eligible[0]]
    if first.price_class in (PriceClass.CLOSED, PriceClass.STALE):
        # Nothing comes any more: the newest word is the best.
        if current in eligible:
            return str(current)
        return max(eligible, key=lambda name: real[name].said.received_at)
    if current not in eligible:
        return eligible[0]
    for name in eligible[: eligible.index(current)]:
        if _has_proven(real[name], policy, now):
            return name
    return current


def _has_proven(candidate: Candidate, policy: Policy, now: datetime) -> bool:
    if candidate.settling:
        return True
    since = candidate.fresh_since
    return since is not None and now - since >= policy.proof


def reason(before: Candidate | None, after: Candidate, *, is_better: bool) -> FailoverReason:
    """Why `after` speaks instead of `before`, which is None where nobody did."""
    if before is None or not before.said.source.is_real or (is_better and after.settling):
        return FailoverReason.FIRST
    if is_better:
        return FailoverReason.RECOVERED
    if after.price_class is PriceClass.CLOSED:
        return FailoverReason.CLOSED
    return FailoverReason.STALE
