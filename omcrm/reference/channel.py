"""A socket as its document describes it: its address, and its messages in both directions."""

from typing import Any

from msgspec import Struct

from omcrm.auth.permission import Permission
from omcrm.reference.schema import summary

AS_TEXT = str
"""The body of a message that is a line of text, not JSON."""


class SocketMessage(Struct, frozen=True, kw_only=True):
    """One kind of message: its name on the wire, the type of its body, and its purpose.

    `examples` are whole messages as a client sends them, `answers` the names of the answers.
    """

    name: str
    body: Any
    about: str
    examples: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


class SocketChannel(Struct, frozen=True, kw_only=True):
    """One socket; `path` has its variable parts in braces, which `parameters` describes.

    `namespace` is Socket.IO's, None for plain WebSockets. `dialect` is its name in the metrics.
    `scope` is what a token needs, None where tokens are refused. `parts` are the types that sent
    messages refer to by name.
    """

    dialect: str
    title: str
    path: str
    about: str
    received: tuple[SocketMessage, ...]
    sent: tuple[SocketMessage, ...]
    parameters: dict[str, str] = {}
    scope: Permission | None = None
    parts: tuple[type[Struct], ...] = ()
    namespace: str | None = None


def tagged(
    body: type[Struct], *examples: str, answers: tuple[str, ...] = (), about: str = ""
) -> SocketMessage:
    """The message of a tagged Struct: its tag is the name, its docstring the purpose."""
    tag = body.__struct_config__.tag
    return SocketMessage(
        name=str(tag),
        body=body,
        about=about or summary(body.__doc__),
        examples=examples,
        answers=answers,
    )
