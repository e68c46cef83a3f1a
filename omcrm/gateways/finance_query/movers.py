"""What moves among the followed instruments: the most traded, the best, the worst, the averages."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from omcrm.gateways.finance_query import number_text
from omcrm.gateways.finance_query.row import InstrumentFigures, mover
from omcrm.market import amount
from omcrm.market.instrument import AssetClass

_MOST = 25
# Of currencies an average says nothing: half of them are told the other way round.
_NAMES = {AssetClass.STOCK: "Stocks", AssetClass.CRYPTO: "Crypto"}
_BASE = Decimal(100)


def actives(standings: Iterable[InstrumentFigures]) -> list[dict[str, Any]]:
    """The shares and coins with the largest turnover of their day, where a volume is told."""
    traded = [(turnover, standing) for standing in standings if (turnover := _turnover(standing))]
    return [mover(standing) for _, standing in sorted(traded, key=lambda pair: -pair[0])[:_MOST]]


def gainers(standings: Iterable[InstrumentFigures]) -> list[dict[str, Any]]:
    """Those that have risen, the best first."""
    moved = [
        (standing.percent, standing)
        for standing in standings
        if standing.is_fresh and standing.percent
    ]
    risen = sorted((pair for pair in moved if pair[0] > 0), key=lambda pair: -pair[0])
    return [mover(standing) for _, standing in risen[:_MOST]]


def losers(standings: Iterable[InstrumentFigures]) -> list[dict[str, Any]]:
    """Those that have fallen, the worst first."""
    moved = [
        (standing.percent, standing)
        for standing in standings
        if standing.is_fresh and standing.percent
    ]
    fallen = sorted((pair for pair in moved if pair[0] < 0), key=lambda pair: pair[0])
    return [mover(standing) for _, standing in fallen[:_MOST]]


def indices(standings: Iterable[InstrumentFigures]) -> list[dict[str, Any]]:
    """The average movement of shares and of coins, each counting as much as another.

    The value is what a hundred at the price before (of a day ago, of the previous close) is now;
    None where nothing is known of any.
    """
    given = list(standings)
    kinds = {standing.instrument.asset_class for standing in given}
    return [_index(_NAMES[kind], _of(kind, given)) for kind in _NAMES if kind in kinds]


def _index(name: str, members: list[InstrumentFigures]) -> dict[str, Any]:
    moved = number_text.mean([member.percent for member in members if member.percent is not None])
    value = None if moved is None else round(amount.total((_BASE, moved)), 2)
    return {
        "name": f"{name} average (previous = 100)",
        "value": value,
        "change": number_text.signed(moved, 2),
        "percentChange": number_text.percent(moved),
        "simulated": any(member.is_simulated for member in members),
    }


def _of(kind: AssetClass, standings: list[InstrumentFigures]) -> list[InstrumentFigures]:
    return [
        standing
        for standing in standings
        if standing.is_fresh and standing.instrument.asset_class is kind
    ]


def _turnover(of: InstrumentFigures) -> Decimal | None:
    volume = of.quote.volume if of.quote else None
    # That of a currency would be in another one, for each pair in its own.
    if volume is None or of.price is None or of.instrument.asset_class not in _NAMES:
        return None
    if not of.is_fresh:
        return None
    return amount.times(volume, of.price)
