"""Why the price of a symbol is what it is."""

from datetime import timedelta
from typing import Self

from msgspec import UNSET, Struct

from omcrm.market.comparison import DisputeRule
from omcrm.market.explanation import Explanation, SourceState, SourceVerdict
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import StaleReason
from omcrm.wire.answer import JsonDone
from omcrm.wire.encoding import iso, iso_or_unset
from omcrm.wire.field import Number, RecordedAt, Time


class JsonSourceState(Struct, frozen=True, kw_only=True):
    """What one source reports; all but the verdict is null without a price.

    `late_seconds` is the feed latency of its last trade, `apart` how far its price is from the
    active one's, as a fraction; `is_accepted` is whether it could be the active source.
    """

    source: str
    verdict: SourceVerdict
    is_accepted: bool
    price_class: PriceClass | None
    price: Number | None
    bid: Number | None
    ask: Number | None
    provider_time: Time | None
    age_seconds: float | None
    late_seconds: float | None
    apart: float | None
    hold_ends_at: Time | None
    recorded_at: RecordedAt = UNSET

    @classmethod
    def of(cls, state: SourceState) -> Self:
        """The message part of a source."""
        return cls(
            source=state.source,
            verdict=state.verdict,
            is_accepted=state.is_accepted,
            price_class=state.price_class,
            price=state.last,
            bid=state.bid,
            ask=state.ask,
            provider_time=iso(state.provider_time),
            age_seconds=_seconds(state.age),
            late_seconds=_seconds(state.late),
            apart=state.apart,
            hold_ends_at=iso(state.hold_ends_at),
            recorded_at=iso_or_unset(state.recorded_at),
        )


class JsonActiveSource(Struct, frozen=True, kw_only=True):
    """The active source and the class of its price from a moment on."""

    since: Time
    source: str
    price_class: PriceClass


class JsonExplanation(JsonDone, frozen=True, kw_only=True):
    """The sources of a symbol in order of preference, the rule that decided between live ones that
    contradict each other, and the active sources of the last hour."""

    symbol: str
    source: str | None
    price_class: PriceClass | None
    stale_reason: StaleReason | None
    rule: DisputeRule | None
    price: Number | None
    sources: list[JsonSourceState]
    history: list[JsonActiveSource]

    @classmethod
    def of(cls, explanation: Explanation) -> Self:
        """The answer for a symbol."""
        quote = explanation.quote
        return cls(
            symbol=explanation.symbol,
            source=quote.source.name if quote else None,
            price_class=quote.price_class if quote else None,
            stale_reason=quote.stale_reason if quote else None,
            rule=explanation.rule,
            price=quote.last if quote else None,
            sources=[JsonSourceState.of(state) for state in explanation.sources],
            history=[
                JsonActiveSource(
                    since=iso(active.since),
                    source=active.source,
                    price_class=active.price_class,
                )
                for active in explanation.history
            ],
        )


def _seconds(time: timedelta | None) -> float | None:
    return None if time is None else round(time.total_seconds(), 3)
