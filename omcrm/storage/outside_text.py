"""Text that strangers wrote, made fit to keep."""


def clipped(text: str | None, length: int) -> str:
    """The text with its unprintable characters replaced and at most `length` characters long."""
    # PostgreSQL refuses NUL, and line breaks would forge lines in a listing.
    return "".join(c if c.isprintable() else "\ufffd" for c in (text or "")[:length])
