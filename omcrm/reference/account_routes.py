"""The HTTP of API tokens and tickets, and of the process's health."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from omcrm.auth.permission import ScopeName
from omcrm.auth.token_routes import NewToken
from omcrm.reference.desk_routes import JsonDone
from omcrm.reference.route import Needs, Route
from omcrm.wire.field import Time


class JsonToken(Struct, kw_only=True):
    """An API token without its secret, of which `prefix` is the beginning."""

    id: int
    name: str
    prefix: str
    scopes: list[str]
    state: Literal["active", "expired", "revoked"]
    created_at: Time
    expires_at: Time
    revoked_at: Time | None
    last_used_at: Time | None
    last_used_addr: str | None


class JsonTokens(JsonDone, kw_only=True):
    """The caller's tokens, and the scopes that there are."""

    tokens: list[JsonToken]
    most: int
    scopes: dict[ScopeName, str]


class JsonTokenMade(JsonDone, kw_only=True):
    """A new token; its secret is shown this once."""

    secret: str
    token: JsonToken


class JsonTokenRevoked(JsonDone, kw_only=True):
    """A token that ended."""

    token: JsonToken


class JsonTicket(Struct, kw_only=True):
    """Opens one WebSocket, once, within `expires_in` seconds."""

    ticket: str
    expires_in: int


class JsonAlive(Struct, kw_only=True):
    """The process runs."""

    status: Literal["ok"]


class JsonReadiness(Struct, kw_only=True):
    """Whether the process can serve requests, and which parts fail."""

    status: Literal["ready", "unavailable"]
    failing: list[str] | UnsetType = UNSET


_AREA = "Account"
_OPERATIONS = "Operations"
_NO_TOKEN = {403: "An API token came, which cannot make or see tokens."}

ROUTES = (
    Route(
        method="GET",
        path="/api/openapi.json",
        area=_OPERATIONS,
        about="This document; the sockets' is beside it at /api/asyncapi.yaml.",
        needs=Needs.ANY,
        answer=dict[str, Any],
    ),
    Route(
        method="GET",
        path="/api/v1/tokens",
        area=_AREA,
        about="The caller's API tokens.",
        needs=Needs.LOGIN,
        answer=JsonTokens,
        refusals=_NO_TOKEN,
    ),
    Route(
        method="POST",
        path="/api/v1/tokens",
        area=_AREA,
        about="Make an API token.",
        needs=Needs.LOGIN,
        body=NewToken,
        answer=JsonTokenMade,
        status=201,
        refusals={
            **_NO_TOKEN,
            400: "The body is wrong.",
            409: "There are too many tokens.",
            429: "Too many were made lately.",
        },
    ),
    Route(
        method="DELETE",
        path="/api/v1/tokens/<int:token_id>",
        area=_AREA,
        about="Revoke an API token.",
        needs=Needs.LOGIN,
        answer=JsonTokenRevoked,
        refusals={**_NO_TOKEN, 404: "The caller has no such token that could be revoked."},
    ),
    Route(
        method="POST",
        path="/api/v1/ws-ticket",
        area=_AREA,
        about="A ticket for one WebSocket, for pages that must not hold a token.",
        needs=Needs.ANY,
        answer=JsonTicket,
        refusals={429: "Too many tickets lately."},
    ),
    Route(
        method="GET",
        path="/healthz",
        area=_OPERATIONS,
        about="Whether the process runs.",
        needs=Needs.NOTHING,
        answer=JsonAlive,
    ),
    Route(
        method="GET",
        path="/readyz",
        area=_OPERATIONS,
        about="Whether the process can serve requests.",
        needs=Needs.NOTHING,
        answer=JsonReadiness,
        refusals={503: "A part fails."},
        refused_as=JsonReadiness,
    ),
)
