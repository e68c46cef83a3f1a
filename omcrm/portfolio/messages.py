"""The JSON bodies of the portfolio API."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, structs

from omcrm.market.currency import money
from omcrm.market.instrument import canonical_symbol
from omcrm.portfolio.holding import Portfolio
from omcrm.portfolio.valuation import Valuation
from omcrm.wire.encoding import iso

LARGEST_BODY = 4096
"""In bytes."""


class PortfolioName(Struct, frozen=True, forbid_unknown_fields=True):
    """The body that creates or renames a portfolio."""

    name: str


class HoldingFigures(Struct, frozen=True, forbid_unknown_fields=True):
    """The body that sets the quantity and cost of a holding; numbers, or numbers as text."""

    quantity: Decimal
    average_cost: Decimal


class NewHolding(HoldingFigures, frozen=True, forbid_unknown_fields=True):
    """The body that adds a holding."""

    symbol: str


def summary(portfolio: Portfolio) -> dict[str, Any]:
    """A portfolio without its valuation."""
    return {
        "id": portfolio.id,
        "name": portfolio.name,
        "version": portfolio.version,
        "created_at": iso(portfolio.created_at),
        "updated_at": iso(portfolio.updated_at),
        "holdings": len(portfolio.holdings),
    }


def valued(portfolio: Portfolio, valuation: Valuation) -> dict[str, Any]:
    """A portfolio with its holdings and their values."""
    return {**summary(portfolio), **_flat(valuation)}


def _flat(valuation: Valuation) -> dict[str, Any]:
    fields = _fields(valuation, valuation.currency)
    del fields["portfolio_id"], fields["name"], fields["version"]
    return fields


# Prices and unit costs are not amounts of money: they keep their decimals.
_MONEY = frozenset(
    ("total_value", "value", "value_before", "cost", "profit", "daily_change", "not_counted_value")
)


def _fields(struct: Struct, currency: str) -> dict[str, Any]:
    return {
        name: money(value, currency) if name in _MONEY else _sent(value, currency)
        for name, value in structs.asdict(struct).items()
    }


def _sent(value: Any, currency: str) -> Any:
    if isinstance(value, Struct):
        return _fields(value, currency)
    if isinstance(value, tuple):
        return [_sent(item, currency) for item in value]
    return iso(value) if isinstance(value, datetime) else value


def held(portfolio: Portfolio, symbol: str) -> dict[str, Any]:
    """One holding of a portfolio, which must contain it."""
    (holding,) = _of_symbol(portfolio, symbol)
    return holding


def _of_symbol(portfolio: Portfolio, symbol: str) -> Iterator[dict[str, Any]]:
    for holding in portfolio.holdings:
        if holding.symbol == canonical_symbol(symbol):
            yield {
                "symbol": holding.symbol,
                "quantity": holding.quantity,
                "average_cost": holding.average_cost,
            }
