"""The JSON bodies of the portfolio API, made from portfolios and their valuations."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct, structs

from omcrm.market.currency import money
from omcrm.market.instrument import canonical_symbol
from omcrm.portfolio.holding import Portfolio
from omcrm.portfolio.valuation import Valuation
from omcrm.wire.answer import JsonDone
from omcrm.wire.encoding import iso
from omcrm.wire.field import Time
from omcrm.wire.portfolio import JsonHolding, JsonPortfolio

Figures = TypeVar("Figures", bound=Struct)

# The fields of a valuation are declared in one place. Its time is sent as text, and of its
# portfolio all fields are.
_VALUATION: list[Any] = [
    (field.name, Time if field.name == "valued_at" else field.type)
    for field in structs.fields(Valuation)
    if field.name not in ("portfolio_id", "name", "version")
]
ValuedPortfolio = msgspec.defstruct(
    "ValuedPortfolio",
    _VALUATION,
    bases=(JsonPortfolio,),
    namespace={"__doc__": "A portfolio, its holdings and their current value in dollars."},
    module=__name__,
    frozen=True,
    kw_only=True,
)


class JsonValuedAnswer(JsonDone, frozen=True, kw_only=True):
    """A portfolio with its value."""

    portfolio: ValuedPortfolio  # type: ignore[valid-type]


def summary(portfolio: Portfolio) -> JsonPortfolio:
    """A portfolio without its valuation."""
    return JsonPortfolio(
        id=portfolio.id,
        name=portfolio.name,
        version=portfolio.version,
        created_at=iso(portfolio.created_at),
        updated_at=iso(portfolio.updated_at),
        holdings=len(portfolio.holdings),
    )


def valued(portfolio: Portfolio, valuation: Valuation) -> JsonValuedAnswer:
    """A portfolio with its holdings and their values."""
    figures = structs.asdict(_in_cents(valuation, valuation.currency))
    del figures["portfolio_id"]
    figures["valued_at"] = iso(valuation.valued_at)
    return JsonValuedAnswer(
        portfolio=ValuedPortfolio(**structs.asdict(summary(portfolio)) | figures)
    )


# Prices and unit costs are not amounts of money: they keep their decimals.
_MONEY = frozenset(
    ("total_value", "value", "value_before", "cost", "profit", "daily_change", "not_counted_value")
)


def _in_cents(figures: Figures, currency: str) -> Figures:
    """The same figures with amounts of money in whole cents."""
    return structs.replace(
        figures,
        **{
            name: money(value, currency) if name in _MONEY else _parts_in_cents(value, currency)
            for name, value in structs.asdict(figures).items()
        },
    )


def _parts_in_cents(value: Any, currency: str) -> Any:
    if isinstance(value, Struct):
        return _in_cents(value, currency)
    if isinstance(value, tuple):
        return tuple(_parts_in_cents(item, currency) for item in value)
    return value


def held(portfolio: Portfolio, symbol: str) -> JsonHolding:
    """One holding of a portfolio, which must contain it."""
    (holding,) = (
        holding for holding in portfolio.holdings if holding.symbol == canonical_symbol(symbol)
    )
    return JsonHolding(
        symbol=holding.symbol, quantity=holding.quantity, average_cost=holding.average_cost
    )
