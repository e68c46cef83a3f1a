"""Movers among the followed instruments: most active, gainers, losers, and averages."""

from collections.abc import Iterable
from decimal import Decimal

from omcrm.gateways.finance_query.row import (
    InstrumentFigures,
    change_text,
    mean,
    mover,
    percent_text,
)
from omcrm.market import amount
from omcrm.market.instrument import AssetClass
from omcrm.wire.finance_query import FinanceQueryIndex, FinanceQueryMover

_MOST = 25
# Currencies have no average: half of the pairs are quoted the other way round.
_NAMES = {AssetClass.STOCK: "Stocks", AssetClass.CRYPTO: "Crypto"}
_BASE = Decimal(100)


def actives(all_figures: Iterable[InstrumentFigures]) -> list[FinanceQueryMover]:
    """The shares and coins with the largest turnover of the day, where a volume is known."""
    traded = [(turnover, figures) for figures in all_figures if (turnover := _turnover(figures))]
    return [mover(figures) for _, figures in sorted(traded, key=lambda pair: -pair[0])[:_MOST]]


def gainers(all_figures: Iterable[InstrumentFigures]) -> list[FinanceQueryMover]:
    """The instruments that have risen, the largest change first."""
    moved = [
        (figures.percent, figures)
        for figures in all_figures
        if figures.is_fresh and figures.percent
    ]
    risen = sorted((pair for pair in moved if pair[0] > 0), key=lambda pair: -pair[0])
    return [mover(figures) for _, figures in risen[:_MOST]]


def losers(all_figures: Iterable[InstrumentFigures]) -> list[FinanceQueryMover]:
    """The instruments that have fallen, the largest change first."""
    moved = [
        (figures.percent, figures)
        for figures in all_figures
        if figures.is_fresh and figures.percent
    ]
    fallen = sorted((pair for pair in moved if pair[0] < 0), key=lambda pair: pair[0])
    return [mover(figures) for _, figures in fallen[:_MOST]]


def indices(all_figures: Iterable[InstrumentFigures]) -> list[FinanceQueryIndex]:
    """The average change of shares and of coins, equally weighted.

    The value has the basis 100 at the previous price (of a day ago, of the previous close); None
    where no change is known.
    """
    given = list(all_figures)
    kinds = {figures.instrument.asset_class for figures in given}
    return [_index(_NAMES[kind], _of(kind, given)) for kind in _NAMES if kind in kinds]


def _index(name: str, members: list[InstrumentFigures]) -> FinanceQueryIndex:
    moved = mean([member.percent for member in members if member.percent is not None])
    value = None if moved is None else round(amount.total((_BASE, moved)), 2)
    return FinanceQueryIndex(
        name=f"{name} average (previous = 100)",
        value=value,
        change=change_text(moved, 2),
        percentChange=percent_text(moved),
        simulated=any(member.is_simulated for member in members),
        replayed=any(member.is_replayed for member in members),
    )


def _of(kind: AssetClass, all_figures: list[InstrumentFigures]) -> list[InstrumentFigures]:
    return [
        figures
        for figures in all_figures
        if figures.is_fresh and figures.instrument.asset_class is kind
    ]


def _turnover(of: InstrumentFigures) -> Decimal | None:
    volume = of.quote.volume if of.quote else None
    # The turnover of a currency pair would be in its quote currency, not in dollars.
    if volume is None or of.price is None or of.instrument.asset_class not in _NAMES:
        return None
    if not of.is_fresh:
        return None
    return amount.times(volume, of.price)
