"""The part of a request's environment that is kept as long as its connection lives."""

import io
import sys
from typing import Any

# Keys of the server's own objects, or without information about the client.
_DROPPED = ("gunicorn.", "werkzeug.", "wsgi.")


def kept(environ: dict[str, Any]) -> dict[str, Any]:
    """A WSGI environment without the server's socket, streams and body."""
    texts = {
        key: sys.intern(value)
        for key, value in environ.items()
        if type(value) is str and not key.startswith(_DROPPED)
    }
    return {
        **texts,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": environ.get("wsgi.url_scheme", "http"),
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
