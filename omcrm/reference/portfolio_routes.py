"""The HTTP of portfolios."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from omcrm.auth.permission import Permission
from omcrm.portfolio.messages import HoldingFigures, NewHolding, PortfolioName
from omcrm.portfolio.valuation import Valuation
from omcrm.reference.route import Route
from omcrm.wire.answer import JsonDone
from omcrm.wire.field import Number, Time


class JsonPortfolio(Struct, kw_only=True):
    """A portfolio without its value; `holdings` is how many it has."""

    id: int
    name: str
    version: int
    created_at: Time
    updated_at: Time
    holdings: int


# The fields of a valuation are declared in one place; three of them have other names here.
_VALUATION: list[Any] = [
    (field.name, field.type)
    for field in msgspec.structs.fields(Valuation)
    if field.name not in ("portfolio_id", "name", "version")
]
ValuedPortfolio = msgspec.defstruct(
    "ValuedPortfolio", _VALUATION, bases=(JsonPortfolio,), kw_only=True, module=__name__
)
ValuedPortfolio.__doc__ = "A portfolio, its holdings and their current value in dollars."


class JsonLimits(Struct, kw_only=True):
    """The most portfolios of a user, and the most holdings of a portfolio."""

    portfolios: int
    holdings: int


class JsonPortfolios(JsonDone, frozen=True, kw_only=True):
    """The caller's portfolios, by name."""

    portfolios: list[JsonPortfolio]
    limits: JsonLimits


class JsonPortfolioAnswer(JsonDone, frozen=True, kw_only=True):
    """A portfolio that was created or renamed."""

    portfolio: JsonPortfolio


class JsonValuedAnswer(JsonDone, frozen=True, kw_only=True):
    """A portfolio with its value."""

    portfolio: ValuedPortfolio  # type: ignore[valid-type]


class JsonHolding(Struct, kw_only=True):
    """How much of an instrument is held, and what a unit cost."""

    symbol: str
    quantity: Number
    average_cost: Number


class JsonHoldingAnswer(JsonDone, frozen=True, kw_only=True):
    """A holding after the change, and the portfolio's new version."""

    holding: JsonHolding
    version: int


class JsonVersionAnswer(JsonDone, frozen=True, kw_only=True):
    """The portfolio's version after the change."""

    version: int


_AREA = "Portfolios"
_ALL = "/api/v1/portfolios"
_ONE = f"{_ALL}/<int:portfolio_id>"
_MISSING = {404: "The caller has no such portfolio, or it holds no such instrument."}
_OFTEN = {429: "Too many requests lately."}


def _route(
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"], path: str, about: str, **more: Any
) -> Route:
    needs = Permission.PORTFOLIO_READ if method == "GET" else Permission.PORTFOLIO_WRITE
    more["refusals"] = {**more.get("refusals", {}), **_OFTEN}
    return Route(method=method, path=path, area=_AREA, about=about, needs=needs, **more)


ROUTES = (
    _route("GET", _ALL, "The caller's portfolios.", answer=JsonPortfolios),
    _route(
        "POST",
        _ALL,
        "Create an empty portfolio.",
        body=PortfolioName,
        answer=JsonPortfolioAnswer,
        status=201,
        refusals={409: "The name is taken, or there are too many."},
    ),
    _route("GET", _ONE, "A portfolio, valued.", answer=JsonValuedAnswer, refusals=_MISSING),
    _route(
        "PATCH",
        _ONE,
        "Give a portfolio another name.",
        body=PortfolioName,
        answer=JsonPortfolioAnswer,
        refusals={**_MISSING, 409: "The name is taken."},
    ),
    _route(
        "DELETE", _ONE, "Delete a portfolio and its holdings.", answer=JsonDone, refusals=_MISSING
    ),
    _route(
        "POST",
        f"{_ONE}/holdings",
        "Add a holding of an instrument that is not held yet.",
        body=NewHolding,
        answer=JsonHoldingAnswer,
        status=201,
        refusals={**_MISSING, 409: "It is held already, or there are too many."},
    ),
    _route(
        "PUT",
        f"{_ONE}/holdings/<symbol>",
        "Set the quantity and cost of a holding.",
        body=HoldingFigures,
        answer=JsonHoldingAnswer,
        refusals={**_MISSING, 409: "There are too many holdings."},
    ),
    _route(
        "DELETE",
        f"{_ONE}/holdings/<symbol>",
        "Remove a holding.",
        answer=JsonVersionAnswer,
        refusals=_MISSING,
    ),
)
