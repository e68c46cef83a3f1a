"""Reads refusals over HTTP of upstreams that have no error format of their own."""

from omcrm.feeds.provider import AccessDenied, Reply
from omcrm.market.parsing import whole

_OK = 200
_LONGEST = 200


def refusal(reply: Reply) -> AccessDenied | None:
    """The refusal that a status other than 200 means; None for 200."""
    if reply.status == _OK:
        return None
    return AccessDenied(reply.status, words(reply.body), retry_after(reply))


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
