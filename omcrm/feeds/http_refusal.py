"""Reads refusals over HTTP of upstreams that have no error format of their own."""

from urllib.parse import urlsplit

from omcrm.feeds.provider import AccessDenied, Reply
from omcrm.market.parsing import whole

_OK = 200
_REDIRECTIONS = range(300, 400)
_LONGEST = 200


def refusal(reply: Reply) -> AccessDenied | None:
    """The refusal that a status other than 200 means; None for 200."""
    if reply.status == _OK:
        return None
    message = words(reply.body)
    if reply.status in _REDIRECTIONS:
        message = redirection(reply.headers.get("location", ""))
    return AccessDenied(reply.status, message, retry_after(reply))


def redirection(location: str) -> str:
    """What a redirect says, which is never followed; without the path, in which a key may be."""
    try:
        host = urlsplit(location).hostname
    except ValueError:
        host = None
    return f"redirects to {host or 'another path'}"[:_LONGEST]


def words(body: bytes) -> str:
    """The beginning of a body as one line of text, for people."""
    return " ".join(body[:1000].decode("utf-8", "replace").split())[:_LONGEST]


def retry_after(reply: Reply) -> float | None:
    """The seconds in `Retry-After`; None where it holds no plain number."""
    value = reply.headers.get("retry-after", "")
    try:
        return float(whole(value)) if len(value) < 10 else None
    except ValueError:
        return None
