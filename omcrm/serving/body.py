"""The request body as the app reads it."""

from collections.abc import Iterator
from typing import Any

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected


class BodyCut(ClientDisconnected, OSError):
    """The body is incomplete or malformed; routes answer with 400."""


class RequestBody:
    """gunicorn's body; read errors count as the client's, not the app's. `reader` is gunicorn's."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self.reader = body.reader

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
        return data
