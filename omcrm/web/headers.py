"""The security headers of every answer."""

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_HEADERS = (
    # Nothing inline, nothing from other hosts.
    (
        "Content-Security-Policy",
        (
            "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            "font-src 'self'; connect-src 'self'; form-action 'self'; object-src 'none'; "
            "base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    # Static files set their own.
    ("Cache-Control", "no-store"),
)
_TRANSPORT = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


class SecurityHeaders:
    """WSGI middleware: adds the headers that an answer does not have yet.

    It wraps everything that answers, inside of the middleware that reads a proxy's scheme.
    """

    def __init__(self, within: Wsgi) -> None:
        self._within = within
        self._plain = [(name, value, name.lower()) for name, value in _HEADERS]
        self._encrypted = [*self._plain, (*_TRANSPORT, _TRANSPORT[0].lower())]

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the wrapped application does, with the headers."""
        is_encrypted = environ["wsgi.url_scheme"] == "https"
        added = self._encrypted if is_encrypted else self._plain

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            present = {name.lower() for name, _ in headers}
            missing = [(name, value) for name, value, lower in added if lower not in present]
            return start_response(status, [*headers, *missing], *error)

        return self._within(environ, start)
