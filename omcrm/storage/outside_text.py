"""Text that strangers wrote, made fit to keep."""

import re

# NUL and halves of characters, which PostgreSQL refuses, and what stands for what was no UTF-8.
_UNREADABLE = re.compile("[\x00\ud800-\udfff\ufffd]")


def clipped(text: str | None, length: int) -> str:
    """The text with its unprintable characters replaced and at most `length` characters long."""
    # PostgreSQL refuses NUL, and line breaks would forge lines in a listing.
    return "".join(c if c.isprintable() else "\ufffd" for c in (text or "")[:length])


def is_readable(text: str) -> bool:
    """Whether every database can keep the text, and keeps what was sent."""
    return _UNREADABLE.search(text) is None
