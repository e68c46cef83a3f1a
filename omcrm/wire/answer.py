"""What the JSON answers of all routes have in common."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class JsonDone(Struct, frozen=True):
    """The field of every answer that is no refusal."""

    success: Literal[True] = True


class JsonWrong(Struct, frozen=True, kw_only=True):
    """Why a request was refused; `field` is the part of it that is wrong."""

    # An `ErrorCode`, as text: a client made from the documents must take those that are added.
    code: str
    field: str | UnsetType = UNSET
    message: str


class JsonRefused(Struct, frozen=True, kw_only=True):
    """The answer to a request that was refused."""

    error: JsonWrong
    success: Literal[False] = False
