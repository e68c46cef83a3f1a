"""All that is known of one instrument, and which others are like it."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from omcrm.gateways.finance_query import number_text
from omcrm.gateways.finance_query.row import InstrumentFigures, row
from omcrm.gateways.finance_query.sectors import company
from omcrm.gateways.finance_query.year_figures import YearFigures
from omcrm.market.instrument import Instrument

_MOST_SIMILAR = 10
# What no source of ours tells.
_UNKNOWN = ("marketCap", "beta", "pe", "eps", "dividend", "yield", "about", "employees", "logo")


def profile(of: InstrumentFigures, past: YearFigures, now: datetime) -> dict[str, Any]:
    """The long quote: the short one, the day, the year and the company; None for the unknown."""
    instrument, quote = of.instrument, of.quote
    found, decimals = company(instrument), instrument.decimals
    high, low = _of_year(of, past)
    return {
        **row(of, now),
        "open": number_text.plain(quote.open if quote else None, decimals),
        "high": number_text.plain(quote.high if quote else None, decimals),
        "low": number_text.plain(quote.low if quote else None, decimals),
        "volume": number_text.plain(quote.volume if quote else None),
        "yearHigh": number_text.plain(high, decimals),
        "yearLow": number_text.plain(low, decimals),
        "avgVolume": number_text.plain(past.average_volume, 0),
        "sector": found.sector if found else None,
        "industry": found.industry if found else None,
        **dict.fromkeys(_UNKNOWN),
    }


def similar(to: Instrument, instruments: Iterable[Instrument]) -> list[str]:
    """The symbols of others in the same sector; where there are none, of the same class."""
    others = [instrument for instrument in instruments if instrument.symbol != to.symbol]
    found = company(to)
    mates = [other for other in others if found and _sector(other) == found.sector]
    alike = mates or [other for other in others if other.asset_class is to.asset_class]
    return [instrument.symbol for instrument in alike[:_MOST_SIMILAR]]


def _sector(instrument: Instrument) -> str | None:
    found = company(instrument)
    return found.sector if found else None


def _of_year(of: InstrumentFigures, past: YearFigures) -> tuple[Decimal | None, Decimal | None]:
    """The highest and the lowest price of a year, today's included."""
    if of.quote is not None and past.is_simulated is not of.is_simulated:
        return None, None
    figures = (of.price, of.quote.high, of.quote.low) if of.quote else (of.price,)
    today = [price for price in figures if price is not None]
    high = None if past.year_high is None else max([past.year_high, *today])
    low = None if past.year_low is None else min([past.year_low, *today])
    return high, low
