"""Refuses addresses, queries and forms whose text nobody can read."""

from collections.abc import Iterator

from flask import Flask, request
from werkzeug.exceptions import BadRequest

from omcrm.storage.outside_text import is_readable


class UnreadableText(BadRequest):
    """400: `field` has characters that cannot be read, which a database may not keep."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field}: that has characters that cannot be read.")
        self.field = field


def init_request_text(app: Flask) -> None:
    """Look at every request before its route does; bodies of JSON are `read_body`'s."""
    app.before_request(_refuse_unreadable)


def _refuse_unreadable() -> None:
    for field, text in _texts():
        if not is_readable(text):
            raise UnreadableText(field if field.isidentifier() else "request")


def _texts() -> Iterator[tuple[str, str]]:
    for field, value in (request.view_args or {}).items():
        yield field, str(value)
    for given in (request.args, request.form):
        for field, text in given.items(multi=True):
            yield field, field
            yield field, text
