"""Why the price of a symbol is what it is: the state of each source, and the rule that decided."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from omcrm.market.comparison import DisputeRule
from omcrm.market.failover import Candidate, place
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.source import SIMULATED
from omcrm.market.symbol_record import ActiveSource, SymbolRecord


class SourceVerdict(StrEnum):
    """Why a source is, or is not, the active one."""

    ACTIVE = "active"
    STANDBY = "standby"
    RECOVERY_HOLD = "recovery_hold"
    CONTRADICTED = "contradicted"
    OUTSIDE_ITS_BOOK = "outside_its_book"
    TOO_OLD = "too_old"
    SOURCE_DOWN = "source_down"
    LAST_RESORT = "last_resort"
    NO_PRICE = "no_price"


class SourceState(Struct, frozen=True, kw_only=True):
    """What one source reports of a symbol; all but the verdict is None without a price.

    `late` is the feed latency of its last trade, `apart` how far its price is from the active one's
    (a fraction). `is_accepted` is whether it could be the active source; `hold_ends_at` when its
    recovery hold is over; `recorded_at` when the recording of its price began, if it is one.
    """

    source: str
    verdict: SourceVerdict
    is_accepted: bool
    price_class: PriceClass | None = None
    recorded_at: datetime | None = None
    last: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    provider_time: datetime | None = None
    age: timedelta | None = None
    late: timedelta | None = None
    apart: float | None = None
    hold_ends_at: datetime | None = None


class Explanation(Struct, frozen=True, kw_only=True):
    """The sources of a symbol at a moment in the policy's order, and what was shown in the hour
    before it.

    `quote` is what is shown; `rule` decided between live sources that contradict each other.
    """

    symbol: str
    at: datetime
    quote: Quote | None
    rule: DisputeRule | None
    sources: tuple[SourceState, ...]
    history: tuple[ActiveSource, ...]


def explain(
    record: SymbolRecord, candidates: dict[str, Candidate], down: frozenset[str], now: datetime
) -> Explanation:
    """The explanation of a symbol now; `down` are the sources whose price came on a connection
    that has ended."""
    quote = record.quote
    active = quote.source.name if quote else None
    shown = quote.last if quote else None
    # The simulated source is named only where it has a price.
    followed = record.instrument.provider_symbols.keys() - {SIMULATED.name}
    names = [name for name in record.policy.sources if name in followed or name in candidates]
    sources = tuple(
        _state(record, name, candidates.get(name), active, shown, down, now) for name in names
    )
    return Explanation(
        symbol=record.instrument.symbol,
        at=now,
        quote=quote,
        rule=record.dispute.rule if record.dispute else None,
        sources=sources,
        history=record.history(now),
    )


def _state(
    record: SymbolRecord,
    name: str,
    candidate: Candidate | None,
    active: str | None,
    shown: Decimal | None,
    down: frozenset[str],
    now: datetime,
) -> SourceState:
    if candidate is None or candidate.source_quote.trade is None:
        return SourceState(source=name, verdict=SourceVerdict.NO_PRICE, is_accepted=False)
    held, trade = candidate.source_quote, candidate.source_quote.trade
    return SourceState(
        source=name,
        verdict=_verdict(record, name, candidate, active, down, now),
        is_accepted=candidate.price_class.is_fresh,
        price_class=candidate.price_class,
        recorded_at=held.recorded_at,
        last=trade.price,
        bid=held.book.bid if held.book else None,
        ask=held.book.ask if held.book else None,
        provider_time=trade.time,
        age=held.age(now),
        late=held.trade_from.late if held.trade_from else None,
        apart=None if shown is None else _apart(trade.price, shown),
        hold_ends_at=_hold_ends_at(candidate, now) if _is_preferred(record, name, active) else None,
    )


def _apart(price: Decimal, shown: Decimal) -> float:
    # Of the lower one, as disputes and divergences are measured.
    return round(float(abs(price - shown) / min(price, shown)), 6)


def _verdict(
    record: SymbolRecord,
    name: str,
    candidate: Candidate,
    active: str | None,
    down: frozenset[str],
    now: datetime,
) -> SourceVerdict:
    if candidate.is_contradicted:
        is_beside = record.is_beside_itself(name)
        return SourceVerdict.OUTSIDE_ITS_BOOK if is_beside else SourceVerdict.CONTRADICTED
    if candidate.price_class is PriceClass.STALE:
        return SourceVerdict.SOURCE_DOWN if name in down else SourceVerdict.TOO_OLD
    if name == active:
        return SourceVerdict.ACTIVE
    if candidate.price_class is PriceClass.LAST_RESORT:
        return SourceVerdict.LAST_RESORT
    is_waiting = _hold_ends_at(candidate, now) is not None
    if is_waiting and _is_preferred(record, name, active):
        return SourceVerdict.RECOVERY_HOLD
    return SourceVerdict.STANDBY


def _is_preferred(record: SymbolRecord, name: str, active: str | None) -> bool:
    order = record.policy.sources
    return active is not None and place(order, name) < place(order, active)


def _hold_ends_at(candidate: Candidate, now: datetime) -> datetime | None:
    if candidate.is_starting or candidate.fresh_since is None:
        return None
    ends_at = candidate.fresh_since + candidate.recovery_hold
    return ends_at if ends_at > now else None
