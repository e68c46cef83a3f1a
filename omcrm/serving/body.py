"""The request body as the app reads it."""

from collections.abc import Callable, Iterator
from typing import Any

from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected


class BodyCut(ClientDisconnected, OSError):
    """The body is incomplete or malformed; routes answer with 400."""


class RequestBody:
    """gunicorn's body; read errors count as the client's, not the app's. `reader` is gunicorn's.

    `at_end` is called when all of it has arrived.
    """

    def __init__(self, body: Any, at_end: Callable[[], object] = lambda: None) -> None:
        self._body = body
        self.reader = body.reader
        self._at_end = at_end

    def read(self, size: int | None = None) -> bytes:
        """Read `size` bytes, or all."""
        return self._checked(self._body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        """Read a line."""
        return self._checked(self._body.readline, size)

    def readlines(self, size: int | None = None) -> list[bytes]:
        """Read all lines."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _checked(self, read: Any, size: int | None) -> bytes:
        try:
            data: bytes = read(size)
        except (ParseException, OSError) as error:
            raise BodyCut(str(error)) from error
        if has_arrived(self.reader):
            self._at_end()
        return data


def has_arrived(reader: Any) -> bool:
    """Whether gunicorn's reader has all of a body; there may be none."""
    if isinstance(reader, ChunkedReader):
        return reader.parser is None
    return isinstance(reader, LengthReader) and reader.length == 0
