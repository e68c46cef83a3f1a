"""A route as its document describes it: who may call it, its request and its answers."""

import re
from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct

from omcrm.auth.permission import Permission
from omcrm.wire.answer import JsonRefused


class Needs(StrEnum):
    """Who may call, where no scope of a token decides."""

    NOTHING = "nothing"
    LOGIN = "login"
    ANY = "any"


class Route(Struct, frozen=True, kw_only=True):
    """One method at one path, which is written as Flask writes it.

    `needs` is a scope where tokens may call. `body` is the type of the JSON body, `query` a Struct
    whose fields are the query's. `refusals` are the statuses besides those that follow from
    `needs`.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    area: str
    about: str
    needs: Needs | Permission
    answer: Any
    status: int = 200
    body: Any = None
    query: type[Struct] | None = None
    refusals: dict[int, str] = {}
    refused_as: Any = JsonRefused

    @property
    def address(self) -> str:
        """The path as OpenAPI writes it."""
        return _VARIABLE.sub(r"{\2}", self.path)

    def variables(self) -> list[tuple[str, str]]:
        """The variable parts of the path, each with the JSON type of its values."""
        return [
            (name, "integer" if kind == "int:" else "string")
            for kind, name in _VARIABLE.findall(self.path)
        ]


_VARIABLE = re.compile(r"<(\w+:)?(\w+)>")
