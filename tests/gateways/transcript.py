"""Plays what was said on a WebSocket, as it is written down, against a running server.

A transcript is text, a message in each line. `@` tells the path and who comes (a word for whoever
connects), `>` what a client says, `<` what must come next, `*` what must come at some time (what
comes before it is passed over), `!` with which code and reason the server must close. `#` and empty
lines are for people.

What is another each time stands in braces: `{iso}`, `{number}`, `{uuid}`, `{text}`, and `{any}` for
any JSON value at all; inside of quotes it is a part of the text, and `{number|null}` may be either.
An object with `…` at its end may have further fields. Other names in braces are those that the
player was given.
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
# In seconds, what comes at some time has come.
_MARKS = "@><*!"


class Line(NamedTuple):
    """One line: its mark, the rest, and its number."""

    mark: str
    text: str
    number: int


class Unexpected(AssertionError):
    """The server did not say what the transcript says."""


def read(text: str) -> list[Line]:
    """The lines that are played."""
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        mark, _, rest = line.strip().partition(" ")
        if not mark or mark.startswith("#"):
            continue
        if mark not in _MARKS:
            raise ValueError(f"line {number}: {mark} is no mark")
        lines.append(Line(mark, rest, number))
    return lines


def fits(expected: str, said: str) -> bool:
    """Whether a message is what a line says, with its placeholders."""
    pattern = _BARE.sub(lambda found: json.dumps(_MARK + found[1]), expected)
    pattern = pattern.replace(",…}", f",{json.dumps(_FURTHER)}:true}}")
    try:
        wanted = json.loads(pattern)
    except ValueError:
        return _is_text(expected, said)
    try:
        return _is_value(wanted, json.loads(said))
    except ValueError:
        return False


def _is_text(wanted: str, said: str) -> bool:
    parts = _IN_TEXT.split(wanted)
    # Every second part is the name of a placeholder.
    pattern = "".join(
        _TEXTS[part] if place % 2 else re.escape(part) for place, part in enumerate(parts)
    )
    return re.fullmatch(pattern, said, re.S) is not None


def _is_value(wanted: Any, said: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(said, dict) and _is_object(dict(wanted), said)
    if isinstance(wanted, list):
        is_long_enough = isinstance(said, list) and len(wanted) == len(said)
        return is_long_enough and all(map(_is_value, wanted, said))
    if isinstance(wanted, str) and wanted.startswith(_MARK):
        return any(_is_kind(part, said) for part in wanted[1:].split("|"))
    if isinstance(wanted, str):
        return isinstance(said, str) and _is_text(wanted, said)
    return type(wanted) is type(said) and bool(wanted == said)


def _is_object(wanted: dict[str, Any], said: dict[str, Any]) -> bool:
    may_have_more = wanted.pop(_FURTHER, False)
    if not may_have_more and wanted.keys() != said.keys():
        return False
    return all(name in said and _is_value(item, said[name]) for name, item in wanted.items())


def _is_kind(kind: str, said: Any) -> bool:
    if kind == "any":
        return True
    if kind == "null":
        return said is None
    if kind == "number":
        return isinstance(said, int | float) and not isinstance(said, bool)
    return isinstance(said, str) and re.fullmatch(_TEXTS[kind], said, re.S) is not None


class Player:
    """Plays transcripts on sockets that `connect` opens, given a path and who comes.

    `given` are the names in braces that the transcript leaves open; everything that is heard is
    kept in `heard`.
    """

    def __init__(
        self, connect: Callable[[str, str], websocket.WebSocket], given: Mapping[str, str]
    ) -> None:
        self._connect = connect
        self._given = given
        self.heard: list[str] = []
        self._socket: websocket.WebSocket | None = None

    def play(self, path: Path) -> None:
        """Play a file; raises Unexpected at the first line that is not so."""
        try:
            for line in read(path.read_text(encoding="utf-8")):
                self._play(line._replace(text=self._filled(line.text)), path.name)
        finally:
            if self._socket is not None:
                self._socket.shutdown()

    def _filled(self, text: str) -> str:
        for name, value in self._given.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _play(self, line: Line, name: str) -> None:
        if line.mark == "@":
            address, _, who = line.text.partition(" ")
            self._socket = self._connect(address, who)
        elif line.mark == ">":
            self._speaker().send(line.text)
        elif line.mark == "!":
            said = self._end()
            if said != line.text:
                raise Unexpected(f"{name}:{line.number} expects {line.text}\nclosed with {said}")
        else:
            self._expect(line, name)

    def _expect(self, line: Line, name: str) -> None:
        until = time.monotonic() + PATIENCE
        said, is_next = "", True
        while is_next or (line.mark == "*" and time.monotonic() < until):
            is_next = False
            try:
                said = self._hear()
            except websocket.WebSocketException as error:
                said = f"{said}\n{error}"
                break
            if fits(line.text, said):
                return
        raise Unexpected(f"{name}:{line.number} expects {line.text}\nthe last was {said}")

    def _hear(self) -> str:
        said = self._speaker().recv()
        if not said:
            raise websocket.WebSocketConnectionClosedException("the server has closed")
        self.heard.append(said)
        return said

    def _end(self) -> str:
        """The code and the reason of the server's close, whatever comes before it."""
        while True:
            code, data = self._speaker().recv_data(control_frame=True)
            if code == websocket.ABNF.OPCODE_CLOSE:
                return f"{int.from_bytes(data[:2], 'big')} {data[2:].decode()}".strip()

    def _speaker(self) -> websocket.WebSocket:
        assert self._socket is not None, "a transcript begins with `@`"
        return self._socket
