"""Text from outside, checked or clipped before it is stored."""

import re

# NUL and lone surrogates, which PostgreSQL refuses, and the replacement of invalid UTF-8.
_UNREADABLE = re.compile("[\x00\ud800-\udfff\ufffd]")


def clipped(text: str | None, length: int) -> str:
    """The text with its unprintable characters replaced and at most `length` characters long."""
    # PostgreSQL refuses NUL, and line breaks would forge lines in a listing.
    return "".join(c if c.isprintable() else "\ufffd" for c in (text or "")[:length])


def is_readable(text: str) -> bool:
    """Whether every database can store the text unchanged."""
    return _UNREADABLE.search(text) is None
