"""The figures of one instrument, its short quote, and numbers in this dialect's format."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from msgspec import Struct, structs

from omcrm.market import amount
from omcrm.market.instrument import Instrument
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.market.session import session_state
from omcrm.market.source import SIMULATED
from omcrm.wire.encoding import iso_or_unset
from omcrm.wire.finance_query import FinanceQueryMover, FinanceQueryShortQuote

_EXTENDED = {"pre-market": "preMarketPrice", "after-hours": "afterHoursPrice"}
# Longer than a pre-market or after-hours session, shorter than the time to the next of its kind.
_SAME_SESSION = timedelta(hours=12)
# More digits than any price, amount or volume has.
_EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)


class InstrumentFigures(Struct, frozen=True, kw_only=True):
    """The price of an instrument and its change in the day; unknown values are None.

    `quote` is None where only the last resort is known, which is not a market's price.
    """

    instrument: Instrument
    quote: Quote | None = None
    price: Decimal | None = None
    change: Decimal | None = None
    percent: Decimal | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether the change is known and its quote's price class is fresh."""
        if self.percent is None or self.quote is None:
            return False
        return self.quote.price_class.is_fresh

    @property
    def is_simulated(self) -> bool:
        """Whether the price is simulated."""
        return self.quote is not None and self.quote.source.name == SIMULATED.name

    @property
    def is_replayed(self) -> bool:
        """Whether the price is of a recording."""
        return self.quote is not None and self.quote.recorded_at is not None


def instrument_figures(instrument: Instrument, quote: Quote | None) -> InstrumentFigures:
    """The figures of the instrument by this quote."""
    if quote is None or quote.price_class is PriceClass.LAST_RESORT:
        return InstrumentFigures(instrument=instrument)
    change, change_from = quote.change, quote.change_from
    return InstrumentFigures(
        instrument=instrument,
        quote=quote,
        price=quote.last,
        change=change,
        percent=None
        if change is None or change_from is None
        else amount.percent(change, change_from),
    )


def mover(of: InstrumentFigures) -> FinanceQueryMover:
    """Symbol, name, price and change, with the price's class and source."""
    instrument, quote = of.instrument, of.quote
    return FinanceQueryMover(
        symbol=instrument.symbol,
        name=instrument.name,
        price=number_text(of.price, instrument.decimals),
        change=change_text(of.change, instrument.decimals),
        percentChange=percent_text(of.percent),
        price_class=quote.price_class if quote else None,
        price_basis=quote.price_basis if quote else None,
        source=quote.source.name if quote else None,
        seq=quote.seq if quote else None,
        recorded_at=iso_or_unset(quote.recorded_at if quote else None),
    )


def row(of: InstrumentFigures, now: datetime) -> FinanceQueryShortQuote:
    """The short quote: a mover, and the pre-market or after-hours price."""
    return FinanceQueryShortQuote(**structs.asdict(mover(of)), **extended(of, now))


def unknown_row(symbol: str) -> FinanceQueryShortQuote:
    """The short quote of an instrument that is not followed."""
    figures: dict[str, Any] = dict.fromkeys(FinanceQueryMover.__struct_fields__[1:-1])
    return FinanceQueryShortQuote(symbol=symbol, **figures)


def extended(of: InstrumentFigures, now: datetime) -> dict[str, Any]:
    """The pre-market or after-hours price, during that session and if it was traded in it."""
    quote = of.quote
    if quote is None or quote.provider_time is None or not quote.source.is_real:
        return {}
    session = session_state(of.instrument.calendar, now).session
    if session not in _EXTENDED:
        return {}
    traded_in = session_state(of.instrument.calendar, quote.provider_time).session
    if traded_in != session or abs(now - quote.provider_time) > _SAME_SESSION:
        return {}
    return {_EXTENDED[session]: number_text(quote.last, of.instrument.decimals)}


# Numbers as text, changes with their sign; and their mean


def number_text(number: Decimal | None, decimals: int | None = None) -> str | None:
    """A number such as `398.09`, with `decimals` or all its own decimals."""
    if number is None:
        return None
    return format(number if decimals is None else _rounded(number, decimals), "f")


def change_text(number: Decimal | None, decimals: int) -> str | None:
    """A change such as `+0.94` or `-1.20`; zero is `+0.00`."""
    return None if number is None else format(_rounded(number, decimals), "+f")


def percent_text(number: Decimal | None) -> str | None:
    """A change in percent such as `+0.24%`."""
    text = change_text(number, 2)
    return None if text is None else f"{text}%"


def mean(numbers: list[Decimal]) -> Decimal | None:
    """The average; None of an empty list."""
    if not numbers:
        return None
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, number)
    return _EXACT.divide(total, Decimal(len(numbers)))


def _rounded(number: Decimal, decimals: int) -> Decimal:
    rounded = number.quantize(Decimal(1).scaleb(-decimals), context=_EXACT)
    return rounded.copy_abs() if rounded.is_zero() else rounded
