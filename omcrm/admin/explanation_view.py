"""The explanation of a price as texts of the feeds' page."""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from omcrm.admin.source_timeline import HOUR, SourceTimeline, in_words, source_label, timelines
from omcrm.market.explanation import Explanation, SourceState
from omcrm.market.explanation_sentence import rule_sentence, stale_sentence, verdict_sentence
from omcrm.market.instrument import Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis, Quote

_ABSENT = "–"


class SourceRow(Struct, frozen=True, kw_only=True):
    """A source's row of the table; a dash for what it has not."""

    source: str
    label: str
    is_active: bool
    is_accepted: bool
    price_class: str
    class_label: str
    verdict: str
    reason: str
    price: str
    book: str
    age: str
    provider_time: str
    late: str
    divergence: str
    hold: str

    @classmethod
    def of(cls, state: SourceState, explanation: Explanation, decimals: int) -> "SourceRow":
        """The row of a source, with its prices in so many decimals."""
        quote = explanation.quote
        is_active = quote is not None and quote.source.name == state.source
        # A fixed price has no age, and no distance that says anything.
        is_fixed = state.price_class is PriceClass.LAST_RESORT
        is_compared = state.apart is not None and not is_active and not is_fixed
        return cls(
            source=state.source,
            label=source_label(state.source),
            is_active=is_active,
            is_accepted=state.is_accepted,
            price_class=state.price_class.value if state.price_class else "none",
            class_label=_class_label(state.price_class, state.recorded_at),
            verdict=_words(state.verdict.value),
            reason=verdict_sentence(state.verdict),
            price=_price(state.last, decimals),
            book=_book(state, decimals),
            age=_ABSENT if is_fixed else _duration(state.age),
            provider_time=f"{state.provider_time:%Y-%m-%d %H:%M:%S}" if state.provider_time else "",
            late=_ABSENT if is_fixed else _duration(state.late),
            divergence=_percent(state.apart or 0.0) if is_compared else _ABSENT,
            hold=_hold(state.hold_ends_at, explanation.at),
        )


class ChangeRow(Struct, frozen=True):
    """From when a source was shown with a class."""

    since: datetime
    label: str
    price_class: str
    class_label: str


class ExplanationView(Struct, frozen=True, kw_only=True):
    """Everything that the section shows of one symbol."""

    symbol: str
    price: str
    price_class: str
    class_label: str
    source: str
    remarks: tuple[str, ...]
    rows: tuple[SourceRow, ...]
    began: datetime
    ended: datetime
    timelines: tuple[SourceTimeline, ...]
    changes: tuple[ChangeRow, ...]

    @classmethod
    def of(cls, explanation: Explanation, instrument: Instrument) -> "ExplanationView":
        """The texts of an explanation."""
        quote, decimals = explanation.quote, instrument.decimals
        return cls(
            symbol=explanation.symbol,
            price=_price(quote.last if quote else None, decimals),
            price_class=quote.price_class.value if quote else "none",
            class_label=_class_label(
                quote.price_class if quote else None, quote.recorded_at if quote else None
            ),
            source=source_label(quote.source.name) if quote else "",
            remarks=(*(_remarks(quote) if quote else ()), rule_sentence(explanation)),
            rows=tuple(SourceRow.of(state, explanation, decimals) for state in explanation.sources),
            began=explanation.at - HOUR,
            ended=explanation.at,
            timelines=tuple(timelines(explanation)),
            changes=tuple(
                ChangeRow(
                    change.since,
                    source_label(change.source),
                    change.price_class.value,
                    _class_label(change.price_class, None),
                )
                for change in reversed(explanation.history)
            ),
        )


def _remarks(quote: Quote) -> list[str]:
    remarks = []
    if quote.stale_reason is not None:
        remarks.append(stale_sentence(quote.stale_reason))
    if quote.divergence is not None:
        remarks.append(
            f"Another live source is {_percent(quote.divergence)} away, more than usual."
        )
    if quote.price_basis is PriceBasis.MID:
        remarks.append("It is the mid, halfway between bid and ask.")
    return remarks


def _words(code: str) -> str:
    return code.replace("_", " ").capitalize()


def _class_label(price_class: PriceClass | None, recorded_at: datetime | None) -> str:
    """ "Live", "Replayed 2024-08-08", "No price"."""
    label = "No price" if price_class is None else _words(price_class.value)
    return label if recorded_at is None else f"{label} {recorded_at:%Y-%m-%d}"


def _price(price: Decimal | None, decimals: int) -> str:
    return _ABSENT if price is None else f"{price:,.{decimals}f}"


def _percent(fraction: float) -> str:
    return f"{fraction * 100:,.2f} %"


def _duration(time: timedelta | None) -> str:
    return _ABSENT if time is None else in_words(time.total_seconds())


def _book(state: SourceState, decimals: int) -> str:
    if state.bid is None or state.ask is None:
        return ""
    return f"{_price(state.bid, decimals)} / {_price(state.ask, decimals)}"


def _hold(ends_at: datetime | None, now: datetime) -> str:
    if ends_at is None:
        return _ABSENT
    return f"{ends_at:%H:%M:%S}, in {in_words((ends_at - now).total_seconds())}"
