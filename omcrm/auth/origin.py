"""Whether a request comes from a page of this site."""

from collections.abc import Mapping
from typing import Any


def is_foreign(environ: Mapping[str, Any], public_url: str) -> bool:
    """Whether the request's Origin header names another site.

    Our own site is `public_url`, or, where none is set, the requested host. A request without the
    header comes from no page: browsers send it with every WebSocket and with every unsafe request
    to another site.
    """
    origin = environ.get("HTTP_ORIGIN")
    return bool(origin) and origin != (public_url or _requested_origin(environ))


def _requested_origin(environ: Mapping[str, Any]) -> str:
    return f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
