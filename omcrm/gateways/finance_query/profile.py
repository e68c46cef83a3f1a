"""The long quote of an instrument, and similar instruments."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import structs

from omcrm.gateways.finance_query.row import InstrumentFigures, number_text, row
from omcrm.gateways.finance_query.sectors import company
from omcrm.gateways.finance_query.year_figures import YearFigures
from omcrm.market.instrument import Instrument
from omcrm.wire.finance_query import FinanceQueryLongQuote

_MOST_SIMILAR = 10
# Fields that no source reports.
_UNKNOWN: dict[str, Any] = dict.fromkeys(
    ("marketCap", "beta", "pe", "eps", "dividend", "yield_", "about", "employees", "logo")
)


def profile(
    of: InstrumentFigures, year_figures: YearFigures, now: datetime
) -> FinanceQueryLongQuote:
    """The long quote: the short one, the day, the year and the company; unknown values are None."""
    instrument, quote = of.instrument, of.quote
    issuer, decimals = company(instrument), instrument.decimals
    high, low = _of_year(of, year_figures)
    return FinanceQueryLongQuote(
        **structs.asdict(row(of, now)),
        open=number_text(quote.open if quote else None, decimals),
        high=number_text(quote.high if quote else None, decimals),
        low=number_text(quote.low if quote else None, decimals),
        volume=number_text(quote.volume if quote else None),
        yearHigh=number_text(high, decimals),
        yearLow=number_text(low, decimals),
        avgVolume=number_text(year_figures.average_volume, 0),
        sector=issuer.sector if issuer else None,
        industry=issuer.industry if issuer else None,
        **_UNKNOWN,
    )


def similar(to: Instrument, instruments: Iterable[Instrument]) -> list[str]:
    """The symbols of other instruments in the same sector, or else of the same class."""
    others = [instrument for instrument in instruments if instrument.symbol != to.symbol]
    issuer = company(to)
    mates = [other for other in others if issuer and _sector(other) == issuer.sector]
    alike = mates or [other for other in others if other.asset_class is to.asset_class]
    return [instrument.symbol for instrument in alike[:_MOST_SIMILAR]]


def _sector(instrument: Instrument) -> str | None:
    issuer = company(instrument)
    return issuer.sector if issuer else None


def _of_year(
    of: InstrumentFigures, year_figures: YearFigures
) -> tuple[Decimal | None, Decimal | None]:
    """The highest and the lowest price of a year, including today."""
    if of.quote is not None and year_figures.is_simulated is not of.is_simulated:
        return None, None
    figures = (of.price, of.quote.high, of.quote.low) if of.quote else (of.price,)
    today = [price for price in figures if price is not None]
    high = None if year_figures.year_high is None else max([year_figures.year_high, *today])
    low = None if year_figures.year_low is None else min([year_figures.year_low, *today])
    return high, low
