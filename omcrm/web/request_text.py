"""Refuses paths, queries and forms with unreadable text."""

from collections.abc import Iterator

from flask import Flask, request
from werkzeug.exceptions import BadRequest

from omcrm.storage.outside_text import is_readable


class UnreadableText(BadRequest):
    """400: `field` has unreadable characters, which a database may refuse to store."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field}: that has characters that cannot be read.")
        self.field = field


def init_request_text(app: Flask) -> None:
    """Check every request before its route; `read_body` checks JSON bodies."""
    app.before_request(_refuse_unreadable)


def _refuse_unreadable() -> None:
    for field, text in _texts():
        if not is_readable(text):
            raise UnreadableText(field if field.isidentifier() else "request")


def _texts() -> Iterator[tuple[str, str]]:
    for field, value in (request.view_args or {}).items():
        yield field, str(value)
    for fields in (request.args, request.form):
        for field, text in fields.items(multi=True):
            yield field, field
            yield field, text
