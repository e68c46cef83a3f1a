"""Portfolios over HTTP; a valued one is in `omcrm/portfolio/messages.py`."""

from decimal import Decimal

from msgspec import Struct

from omcrm.wire.answer import JsonDone
from omcrm.wire.field import Number, Time

# What is sent to us


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


# What is answered


class JsonPortfolio(Struct, frozen=True, kw_only=True):
    """A portfolio without its value; `holdings` is how many it has."""

    id: int
    name: str
    version: int
    created_at: Time
    updated_at: Time
    holdings: int


class JsonLimits(Struct, frozen=True, kw_only=True):
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


class JsonHolding(Struct, frozen=True, kw_only=True):
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
