"""Whether a request comes from a page of this site."""

from collections.abc import Mapping
from typing import Any


def is_foreign(environ: Mapping[str, Any], public_url: str) -> bool:
    """Whether the request says that it comes from a page of another site.

    Ours are the pages of `public_url`, or, where none is set, of the host that was asked for. Who
    says nothing is no page: browsers send an Origin with every WebSocket and every unsafe request
    to another site.
    """
    origin = environ.get("HTTP_ORIGIN")
    return bool(origin) and origin != (public_url or _asked_for(environ))


def _asked_for(environ: Mapping[str, Any]) -> str:
    return f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
