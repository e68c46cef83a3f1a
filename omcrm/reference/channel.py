"""A socket as its document describes it: where it is, and what is said on it in both directions."""

from typing import Any

from msgspec import Struct

from omcrm.auth.scope import Scope
from omcrm.reference.schema import summary

AS_TEXT = str
"""What is sent is a line of text, not JSON."""


class Message(Struct, frozen=True, kw_only=True):
    """One kind of message: its name on the wire, the type of its body, and what it is for.

    `examples` are whole messages as a client sends them, `answers` the names of what is answered.
    """

    name: str
    body: Any
    about: str
    examples: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


class Channel(Struct, frozen=True, kw_only=True):
    """One socket; `path` has its variable parts in braces, with `parameters` to say what they are.

    `namespace` is Socket.IO's, None for plain WebSockets. `dialect` is the name it is counted by.
    `scope` is what a token needs, None where tokens are not taken. `parts` are what messages that
    are sent refer to by name.
    """

    dialect: str
    title: str
    path: str
    about: str
    received: tuple[Message, ...]
    sent: tuple[Message, ...]
    parameters: dict[str, str] = {}
    scope: Scope | None = None
    parts: tuple[type[Struct], ...] = ()
    namespace: str | None = None


def tagged(
    body: type[Struct], *examples: str, answers: tuple[str, ...] = (), about: str = ""
) -> Message:
    """The message of a Struct that is told apart by its tag, with its docstring."""
    tag = body.__struct_config__.tag
    return Message(
        name=str(tag),
        body=body,
        about=about or summary(body.__doc__),
        examples=examples,
        answers=answers,
    )
