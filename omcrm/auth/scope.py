"""The scopes of API tokens, each with a name for programs and a sentence for people."""

from enum import StrEnum


class Scope(StrEnum):
    """One right of a token."""

    MARKET_READ = "market:read"
    PORTFOLIO_READ = "portfolio:read"
    PORTFOLIO_WRITE = "portfolio:write"
    PRICES_UPDATE = "prices:update"
    FEEDS_CONTROL = "feeds:control"


ABOUT = {
    Scope.MARKET_READ: "Read prices, candles, news and the state of the feeds.",
    Scope.PORTFOLIO_READ: "Read your portfolios and their values.",
    Scope.PORTFOLIO_WRITE: "Change your portfolios and holdings.",
    Scope.PRICES_UPDATE: "Ask the sources for fresh prices now, which uses up their quotas.",
    Scope.FEEDS_CONTROL: "Start and stop the feeds of everybody.",
}

ADMIN_ONLY = frozenset({Scope.FEEDS_CONTROL})
"""The scopes that have an effect only while the token's account is an admin's."""


def grantable(is_admin: bool) -> list[Scope]:
    """The scopes that such an account may grant to a token."""
    return [scope for scope in Scope if is_admin or scope not in ADMIN_ONLY]


def effective(names: list[str], is_admin: bool) -> frozenset[Scope]:
    """Those of a token's scopes that such an account still has; unknown names are ignored."""
    return frozenset(scope for scope in grantable(is_admin) if scope.value in names)
