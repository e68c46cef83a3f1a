"""What callers may do: the permissions of each role, and those that an API token may be given.

A permission that a token has is called its scope.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import get_args

from omcrm.storage.user import Role
from omcrm.wire.account import ScopeName


class Permission(StrEnum):
    """One thing that a caller may do."""

    MARKET_READ = "market:read"
    PORTFOLIO_READ = "portfolio:read"
    PORTFOLIO_WRITE = "portfolio:write"
    PRICES_UPDATE = "prices:update"
    FEEDS_READ = "feeds:read"
    FEEDS_CONTROL = "feeds:control"
    CONNECTIONS_READ = "connections:read"
    INSTRUMENTS_EDIT = "instruments:edit"


_CLIENT = frozenset(
    {
        Permission.MARKET_READ,
        Permission.PORTFOLIO_READ,
        Permission.PORTFOLIO_WRITE,
        Permission.PRICES_UPDATE,
    }
)

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.CLIENT: _CLIENT,
    Role.STAFF: _CLIENT | {Permission.FEEDS_READ},
    Role.ADMIN: frozenset(Permission),
}

SCOPES = tuple(Permission(name) for name in get_args(ScopeName))

ABOUT: Mapping[Permission, str] = {
    Permission.MARKET_READ: "Read prices, candles, news and the state of the feeds.",
    Permission.PORTFOLIO_READ: "Read your portfolios and their values.",
    Permission.PORTFOLIO_WRITE: "Change your portfolios and holdings.",
    Permission.PRICES_UPDATE: ("Ask the sources for fresh prices now, which uses up their quotas."),
    Permission.FEEDS_CONTROL: "Start and stop the feeds of everybody.",
}
"""The sentence for people about each scope."""

# The state of the feeds has more details for those who look after them.
_INCLUDED = {
    Permission.MARKET_READ: frozenset({Permission.FEEDS_READ, Permission.CONNECTIONS_READ})
}


def grantable(role: Role) -> list[Permission]:
    """The scopes that an account of this role may give to a token."""
    return [scope for scope in SCOPES if scope in PERMISSIONS[role]]


def effective(names: Iterable[str], role: Role) -> frozenset[Permission]:
    """What a token with these scopes may do while its account has this role.

    Never more than the account; unknown names are ignored.
    """
    scopes = frozenset(scope for scope in SCOPES if scope.value in names)
    included = frozenset().union(*(_INCLUDED.get(scope, ()) for scope in scopes))
    return (scopes | included) & PERMISSIONS[role]


def least_role(permission: Permission) -> Role:
    """The first role that has the permission; the roles after it have it, too."""
    return next(role for role in Role if permission in PERMISSIONS[role])
