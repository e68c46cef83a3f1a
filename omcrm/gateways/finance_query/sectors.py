"""How the sectors do that the followed companies belong to."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from omcrm.gateways.finance_query import number_text
from omcrm.gateways.finance_query.row import InstrumentFigures
from omcrm.gateways.finance_query.year_figures import ReturnPeriod, YearFigures
from omcrm.market.company import COMPANIES, Company
from omcrm.market.instrument import AssetClass, Instrument


def company(instrument: Instrument) -> Company | None:
    """The company behind a share, if it is known."""
    is_share = instrument.asset_class is AssetClass.STOCK
    return COMPANIES.get(instrument.symbol) if is_share else None


def sectors(
    standings: Iterable[InstrumentFigures], past: Callable[[Instrument], YearFigures]
) -> dict[str, dict[str, Any]]:
    """Each sector's averages by its name, in the alphabet's order; None for what is not known.

    The day's return is of the quotes, the others of daily closes, if they suffice for every member.
    """
    members: dict[str, list[InstrumentFigures]] = {}
    for standing in standings:
        if found := company(standing.instrument):
            members.setdefault(found.sector, []).append(standing)
    return {name: _sector(name, members[name], past) for name in sorted(members)}


def _sector(
    name: str, members: list[InstrumentFigures], past: Callable[[Instrument], YearFigures]
) -> dict[str, Any]:
    moved = [member for member in members if member.is_fresh]
    pasts = [past(member.instrument) for member in members]
    day = number_text.mean([member.percent for member in moved if member.percent is not None])
    returns = {span.value: number_text.percent(_average(pasts, span)) for span in ReturnPeriod}
    return {
        "sector": name,
        "dayReturn": number_text.percent(day),
        **returns,
        "simulated": any(member.is_simulated for member in moved)
        or any(past.is_simulated for past in pasts),
    }


def _average(pasts: list[YearFigures], span: ReturnPeriod) -> Decimal | None:
    found = [past.returns[span] for past in pasts if span in past.returns]
    return number_text.mean(found) if len(found) == len(pasts) else None
