"""Plays the transcript of a WebSocket conversation against a running server.

A transcript is text with one message per line. `@` gives the path and the kind of credential, `>`
is sent by the client, `<` must be received next, `*` must be received at some time (messages before
it are skipped), `!` is the code and reason with which the server must close. `#` starts a comment;
empty lines are ignored.

Variable values are placeholders in braces: `{iso}`, `{number}`, `{uuid}`, `{text}`, and `{any}` for
any JSON value; inside of quotes they stand for a piece of the text, and `{number|null}` matches
either. An object with `…` at its end may have further fields. Other names in braces are replaced by
the values that the player was given.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import websocket

from tests.processes import PATIENCE

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_TEXTS = {
    "iso": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "number": _NUMBER,
    "uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "text": r".+",
    "any": r".*",
}
_BARE = re.compile(r"(?<=[:\[,])\{([a-z|]+)\}(?=[,\]}])")
_IN_TEXT = re.compile(r"\{([a-z]+)\}")
_MARK, _FURTHER = "\u0000", "\u0001"
# The first character of a line says what it is.
_MARKS = "@><*!"


class Line(NamedTuple):
    """One line: its mark, the rest, and its number."""

    mark: str
    text: str
    number: int


class Unexpected(AssertionError):
    """The server sent something else than the transcript."""


def read(text: str) -> list[Line]:
    """The lines of a transcript without comments."""
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        mark, _, rest = line.strip().partition(" ")
        if not mark or mark.startswith("#"):
            continue
        if mark not in _MARKS:
            raise ValueError(f"line {number}: {mark} is no mark")
        lines.append(Line(mark, rest, number))
    return lines


def fits(expected: str, text: str) -> bool:
    """Whether a message matches a line with its placeholders."""
    pattern = _BARE.sub(lambda mark: json.dumps(_MARK + mark[1]), expected)
    pattern = pattern.replace(",…}", f",{json.dumps(_FURTHER)}:true}}")
    try:
        wanted = json.loads(pattern)
    except ValueError:
        return _is_text(expected, text)
    try:
        return _is_value(wanted, json.loads(text))
    except ValueError:
        return False


def _is_text(wanted: str, text: str) -> bool:
    pieces = _IN_TEXT.split(wanted)
    # Every second part is the name of a placeholder.
    pattern = "".join(
        _TEXTS[piece] if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)
    )
    return re.fullmatch(pattern, text, re.S) is not None


def _is_value(wanted: Any, actual: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(actual, dict) and _is_object(dict(wanted), actual)
    if isinstance(wanted, list):
        is_long_enough = isinstance(actual, list) and len(wanted) == len(actual)
        return is_long_enough and all(map(_is_value, wanted, actual))
    if isinstance(wanted, str) and wanted.startswith(_MARK):
        return any(_is_kind(piece, actual) for piece in wanted[1:].split("|"))
    if isinstance(wanted, str):
        return isinstance(actual, str) and _is_text(wanted, actual)
    return type(wanted) is type(actual) and bool(wanted == actual)


def _is_object(wanted: dict[str, Any], actual: dict[str, Any]) -> bool:
    may_have_more = wanted.pop(_FURTHER, False)
    if not may_have_more and wanted.keys() != actual.keys():
        return False
    return all(name in actual and _is_value(item, actual[name]) for name, item in wanted.items())


def _is_kind(kind: str, actual: Any) -> bool:
    if kind == "any":
        return True
    if kind == "null":
        return actual is None
    if kind == "number":
        return isinstance(actual, int | float) and not isinstance(actual, bool)
    return isinstance(actual, str) and re.fullmatch(_TEXTS[kind], actual, re.S) is not None


class Player:
    """Plays transcripts on sockets that `connect` opens, given a path and a kind of credential.

    `given` holds the values of names in braces; all received messages are kept in `received`.
    """

    def __init__(
        self, connect: Callable[[str, str], websocket.WebSocket], given: Mapping[str, str]
    ) -> None:
        self._connect = connect
        self._given = given
        self.received: list[str] = []
        self._socket: websocket.WebSocket | None = None

    def play(self, path: Path) -> None:
        """Play a file; raises Unexpected at the first line that does not match."""
        try:
            for line in read(path.read_text(encoding="utf-8")):
                self._play(line._replace(text=self._with_names(line.text)), path.name)
        finally:
            if self._socket is not None:
                self._socket.shutdown()

    def _with_names(self, text: str) -> str:
        for name, value in self._given.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _play(self, line: Line, name: str) -> None:
        if line.mark == "@":
            address, _, who = line.text.partition(" ")
            self._socket = self._connect(address, who)
        elif line.mark == ">":
            self._open_socket().send(line.text)
        elif line.mark == "!":
            reason = self._end()
            if reason != line.text:
                raise Unexpected(f"{name}:{line.number} expects {line.text}\nclosed with {reason}")
        else:
            self._expect(line, name)

    def _expect(self, line: Line, name: str) -> None:
        until = time.monotonic() + PATIENCE
        text, is_next = "", True
        while is_next or (line.mark == "*" and time.monotonic() < until):
            is_next = False
            try:
                text = self._receive()
            except websocket.WebSocketException as error:
                text = f"{text}\n{error}"
                break
            if fits(line.text, text):
                return
        raise Unexpected(f"{name}:{line.number} expects {line.text}\nthe last was {text}")

    def _receive(self) -> str:
        received = self._open_socket().recv()
        if not received:
            raise websocket.WebSocketConnectionClosedException("the server has closed")
        self.received.append(received)
        return received

    def _end(self) -> str:
        """The code and the reason of the server's close; skips messages before it."""
        while True:
            code, data = self._open_socket().recv_data(control_frame=True)
            if code == websocket.ABNF.OPCODE_CLOSE:
                return f"{int.from_bytes(data[:2], 'big')} {data[2:].decode()}".strip()

    def _open_socket(self) -> websocket.WebSocket:
        assert self._socket is not None, "a transcript begins with `@`"
        return self._socket
