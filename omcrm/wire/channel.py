"""A socket: its address, and its messages in both directions."""

from typing import Any

from msgspec import Struct

from omcrm.wire import encoding

AS_TEXT = str
"""The body of a message that is a line of text, not JSON."""


class SocketMessage(Struct, frozen=True, kw_only=True):
    """One kind of message: its name on the wire, the type of its body, and its purpose.

    `examples` are whole bodies as a client sends them, `answers` the names of the answers.
    """

    name: str
    body: Any
    about: str
    examples: tuple[Any, ...] = ()
    answers: tuple[str, ...] = ()

    @property
    def example_texts(self) -> list[str]:
        """The examples as they are sent."""
        return [
            example if self.body is AS_TEXT else encoding.dumps(example)
            for example in self.examples
        ]


class SocketChannel(Struct, frozen=True, kw_only=True):
    """One socket; `path` has its variable parts in braces, which `parameters` describes.

    `name` is the one in counts, logs and documents. `received` are the messages of clients, `sent`
    those to them. `namespace` is Socket.IO's, None for plain WebSockets. `parts` are the types that
    sent messages refer to by name.
    """

    name: str
    title: str
    path: str
    about: str
    received: tuple[SocketMessage, ...]
    sent: tuple[SocketMessage, ...]
    parameters: dict[str, str] = {}
    parts: tuple[type[Struct], ...] = ()
    namespace: str | None = None


def tagged(body: type[Struct], *examples: Struct, answers: tuple[str, ...] = ()) -> SocketMessage:
    """The message of a tagged Struct: its tag is the name, its docstring the purpose."""
    return SocketMessage(
        name=str(body.__struct_config__.tag),
        body=body,
        about=summary(body.__doc__),
        examples=examples,
        answers=answers,
    )


def summary(docstring: str | None) -> str:
    """The first paragraph, in one line."""
    return " ".join((docstring or "").strip().split("\n\n")[0].split())
