"""API tokens and tickets over HTTP."""

from datetime import date
from typing import Literal

from msgspec import Struct

from omcrm.wire.answer import JsonDone
from omcrm.wire.field import Time

ScopeName = Literal[
    "market:read", "portfolio:read", "portfolio:write", "prices:update", "feeds:control"
]
"""The permissions that a token may be given, by their names for programs."""


class NewToken(Struct, frozen=True, forbid_unknown_fields=True):
    """The body that creates a token; without an expiry it lasts 30 days."""

    name: str
    scopes: list[ScopeName]
    expires_in_days: Literal[7, 30, 90, 365] | None = None
    expires_on: date | None = None

    def __post_init__(self) -> None:
        if self.expires_in_days is not None and self.expires_on is not None:
            raise ValueError("give `expires_in_days` or `expires_on`, not both")


# The fields of these answers are in the order of the alphabet, also `success`.


class JsonToken(Struct, frozen=True, kw_only=True):
    """An API token without its secret, of which `prefix` is the beginning."""

    created_at: Time
    expires_at: Time
    id: int
    last_used_addr: str | None
    last_used_at: Time | None
    name: str
    prefix: str
    revoked_at: Time | None
    scopes: list[str]
    state: Literal["active", "expired", "revoked"]


class JsonTokens(Struct, frozen=True, kw_only=True):
    """The caller's tokens, and the scopes that there are."""

    most: int
    scopes: dict[ScopeName, str]
    success: Literal[True] = True
    tokens: list[JsonToken]


class JsonTokenMade(Struct, frozen=True, kw_only=True):
    """A new token; its secret is shown this once."""

    secret: str
    success: Literal[True] = True
    token: JsonToken


class JsonTokenRevoked(JsonDone, frozen=True, kw_only=True):
    """A token that ended."""

    token: JsonToken


class JsonTicket(Struct, frozen=True, kw_only=True):
    """Opens one WebSocket, once, within `expires_in` seconds."""

    expires_in: int
    ticket: str
