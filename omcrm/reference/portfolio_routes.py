"""The HTTP of portfolios."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from omcrm.auth.scope import Scope
from omcrm.portfolio.messages import HoldingFigures, NewHolding, PortfolioName
from omcrm.portfolio.valuation import Valuation
from omcrm.reference.desk_routes import Done
from omcrm.reference.route import Route
from omcrm.reference.schema import Number, Time


class Portfolio(Struct, kw_only=True):
    """A portfolio without what it is worth; `holdings` is how many it has."""

    id: int
    name: str
    version: int
    created_at: Time
    updated_at: Time
    holdings: int


# What is said of a portfolio's worth stands in one place; three of its fields have other names.
_WORTH: list[Any] = [
    (field.name, field.type)
    for field in msgspec.structs.fields(Valuation)
    if field.name not in ("portfolio_id", "name", "version")
]
ValuedPortfolio = msgspec.defstruct(
    "ValuedPortfolio", _WORTH, bases=(Portfolio,), kw_only=True, module=__name__
)
ValuedPortfolio.__doc__ = "A portfolio, its holdings and what they are worth in dollars now."


class Limits(Struct, kw_only=True):
    """How many there may be."""

    portfolios: int
    holdings: int


class Portfolios(Done, kw_only=True):
    """The caller's portfolios, by name."""

    portfolios: list[Portfolio]
    limits: Limits


class PortfolioAnswer(Done, kw_only=True):
    """A portfolio that was made or renamed."""

    portfolio: Portfolio


class ValuedAnswer(Done, kw_only=True):
    """A portfolio with what it is worth."""

    portfolio: ValuedPortfolio  # type: ignore[valid-type]


class Holding(Struct, kw_only=True):
    """How much of an instrument is held, and what a unit cost."""

    symbol: str
    quantity: Number
    average_cost: Number


class HoldingAnswer(Done, kw_only=True):
    """A holding as it is now, and the portfolio's version by that."""

    holding: Holding
    version: int


class VersionAnswer(Done, kw_only=True):
    """The portfolio's version by the change."""

    version: int


_AREA = "Portfolios"
_ALL = "/api/v1/portfolios"
_ONE = f"{_ALL}/<int:portfolio_id>"
_MISSING = {404: "The caller has no such portfolio, or it holds no such instrument."}
_BODY = {400: "The body is wrong.", 413: "The body is too long."}
_OFTEN = {429: "Too many requests lately."}


def _route(
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"], path: str, about: str, **more: Any
) -> Route:
    needs = Scope.PORTFOLIO_READ if method == "GET" else Scope.PORTFOLIO_WRITE
    more["refusals"] = {**more.get("refusals", {}), **_OFTEN}
    return Route(method=method, path=path, area=_AREA, about=about, needs=needs, **more)


ROUTES = (
    _route("GET", _ALL, "The caller's portfolios.", answer=Portfolios),
    _route(
        "POST",
        _ALL,
        "Make an empty portfolio.",
        body=PortfolioName,
        answer=PortfolioAnswer,
        status=201,
        refusals={**_BODY, 409: "The name is taken, or there are too many."},
    ),
    _route("GET", _ONE, "A portfolio, valued.", answer=ValuedAnswer, refusals=_MISSING),
    _route(
        "PATCH",
        _ONE,
        "Give a portfolio another name.",
        body=PortfolioName,
        answer=PortfolioAnswer,
        refusals={**_BODY, **_MISSING, 409: "The name is taken."},
    ),
    _route("DELETE", _ONE, "Delete a portfolio and its holdings.", answer=Done, refusals=_MISSING),
    _route(
        "POST",
        f"{_ONE}/holdings",
        "Hold an instrument that is not held yet.",
        body=NewHolding,
        answer=HoldingAnswer,
        status=201,
        refusals={**_BODY, **_MISSING, 409: "It is held already, or there are too many."},
    ),
    _route(
        "PUT",
        f"{_ONE}/holdings/<symbol>",
        "Hold exactly so much of an instrument.",
        body=HoldingFigures,
        answer=HoldingAnswer,
        refusals={**_BODY, **_MISSING, 409: "There are too many holdings."},
    ),
    _route(
        "DELETE",
        f"{_ONE}/holdings/<symbol>",
        "Hold an instrument no more.",
        answer=VersionAnswer,
        refusals=_MISSING,
    ),
)
