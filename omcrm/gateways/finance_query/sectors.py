"""The returns of the sectors of the followed companies."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from omcrm.gateways.finance_query.row import InstrumentFigures, mean, percent_text
from omcrm.gateways.finance_query.year_figures import ReturnPeriod, YearFigures
from omcrm.market.company import COMPANIES, Company
from omcrm.market.instrument import AssetClass, Instrument
from omcrm.wire.finance_query import FinanceQuerySector


def company(instrument: Instrument) -> Company | None:
    """The company that issued a share, if it is known."""
    is_share = instrument.asset_class is AssetClass.STOCK
    return COMPANIES.get(instrument.symbol) if is_share else None


def sectors(
    all_figures: Iterable[InstrumentFigures], year_figures: Callable[[Instrument], YearFigures]
) -> dict[str, FinanceQuerySector]:
    """Each sector's averages by its name, in alphabetical order; unknown values are None.

    The day's return is computed from quotes, the others from daily closes, where they suffice for
    every member.
    """
    members: dict[str, list[InstrumentFigures]] = {}
    for figures in all_figures:
        if issuer := company(figures.instrument):
            members.setdefault(issuer.sector, []).append(figures)
    return {name: _sector(name, members[name], year_figures) for name in sorted(members)}


def _sector(
    name: str, members: list[InstrumentFigures], year_figures: Callable[[Instrument], YearFigures]
) -> FinanceQuerySector:
    moved = [member for member in members if member.is_fresh]
    members_figures = [year_figures(member.instrument) for member in members]
    day = mean([member.percent for member in moved if member.percent is not None])
    returns = {span.value: percent_text(_average(members_figures, span)) for span in ReturnPeriod}
    return FinanceQuerySector(
        sector=name,
        dayReturn=percent_text(day),
        **returns,
        simulated=any(member.is_simulated for member in moved)
        or any(year_figures.is_simulated for year_figures in members_figures),
        replayed=any(member.is_replayed for member in moved),
    )


def _average(members_figures: list[YearFigures], span: ReturnPeriod) -> Decimal | None:
    returns = [
        year_figures.returns[span]
        for year_figures in members_figures
        if span in year_figures.returns
    ]
    return mean(returns) if len(returns) == len(members_figures) else None
