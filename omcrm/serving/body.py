"""A request's body as the app reads it."""

from collections.abc import Iterator
from typing import Any

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected


class BodyCut(ClientDisconnected, OSError):
    """The body breaks off or is not what its head announced; pages answer it with 400."""


class RequestBody:
    """gunicorn's body, whose faults are the client's and not the app's; `reader` is its own."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self.reader = body.reader

    def read(self, size: int | None = None) -> bytes:
        """So many bytes, or all."""
        return self._checked(self._body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        """A line."""
        return self._checked(self._body.readline, size)

    def readlines(self, size: int | None = None) -> list[bytes]:
        """The lines."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _checked(self, read: Any, size: int | None) -> bytes:
        try:
            data: bytes = read(size)
        except (ParseException, OSError) as error:
            raise BodyCut(str(error)) from error
        return data
