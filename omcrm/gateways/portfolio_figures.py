"""What `/ws/realtime/` sends of a portfolio, by its valuation."""

from omcrm.market.currency import money
from omcrm.portfolio.valuation import Valuation
from omcrm.wire import encoding
from omcrm.wire.encoding import iso
from omcrm.wire.realtime import (
    RealtimeCoverage,
    RealtimePortfolioFigures,
    RealtimePortfolioUpdate,
    RealtimePortfolioValue,
    RealtimePortfolioValueNow,
)


def portfolio_update(valuation: Valuation) -> str:
    """The value of a portfolio and its change today, encoded for all its subscribers."""
    figures = RealtimePortfolioFigures(
        portfolio_id=valuation.portfolio_id,
        name=valuation.name,
        total_value=money(valuation.total_value, valuation.currency),
        daily_change=money(valuation.daily_change, valuation.currency),
        daily_change_percent=valuation.daily_change_percent,
        updated_at=iso(valuation.valued_at),
        currency=valuation.currency,
        version=valuation.version,
        coverage=_coverage(valuation),
    )
    return encoding.dumps(RealtimePortfolioUpdate.of(figures))


def portfolio_value(valuation: Valuation) -> RealtimePortfolioValue:
    """The current value of a portfolio."""
    value = RealtimePortfolioValueNow(
        portfolio_id=valuation.portfolio_id,
        value=money(valuation.total_value, valuation.currency),
        timestamp=iso(valuation.valued_at),
        currency=valuation.currency,
        coverage=_coverage(valuation),
    )
    return RealtimePortfolioValue.of(value)


def _coverage(valuation: Valuation) -> RealtimeCoverage:
    """How much of a value is live, and how many holdings lack a value or change; counts only."""
    covered = valuation.coverage
    return RealtimeCoverage(
        live_percent=covered.live_percent,
        is_complete=covered.is_complete,
        holdings=len(valuation.holdings),
        without_value=len(covered.missing),
        without_daily_change=len(valuation.no_daily_change),
        classes={share.price_class: share.count for share in covered.classes},
    )
