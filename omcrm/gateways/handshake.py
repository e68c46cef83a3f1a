"""Who may open a raw WebSocket, and the HTTP answers to the others."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

from omcrm.auth.credential import Caller, Unidentified, UnidentifiedReason, identify
from omcrm.auth.scope import Scope
from omcrm.streaming import wire

Environ = dict[str, Any]

# The reasons for which a caller counts as anonymous.
_STRANGERS = (UnidentifiedReason.NONE_GIVEN, UnidentifiedReason.FOREIGN_ORIGIN)


class HandshakeRefusal(NamedTuple):
    """A handshake's refusal in HTTP; `wait` is in seconds."""

    status: int
    code: str
    message: str
    wait: int = 0

    def answer(self, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Start the response and return its body."""
        error = {"code": self.code, "message": self.message}
        body = wire.dumps({"success": False, "error": error}).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", "Bearer"))
        if self.wait:
            headers.append(("Retry-After", str(self.wait)))
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", headers)
        return [body]


class HandshakePolicy:
    """Identifies callers; unless it `requires_credential` anonymous ones pass, from any site."""

    def __init__(self, requires_credential: bool) -> None:
        self._requires_credential = requires_credential

    def identify(self, environ: Environ) -> Caller | Unidentified | None:
        """The caller of this handshake, None for an anonymous one; needs an app context."""
        caller = identify(environ, websocket=True)
        is_stranger = isinstance(caller, Unidentified) and caller.reason in _STRANGERS
        return None if is_stranger and not self._requires_credential else caller


def refusal(refused: Unidentified) -> HandshakeRefusal:
    """The answer in HTTP."""
    return HandshakeRefusal(refused.status, refused.code, refused.message, refused.wait_seconds)


def missing(scope: Scope) -> HandshakeRefusal:
    """The refusal of a token without this scope."""
    message = f"This needs a token with the scope {scope}."
    return HandshakeRefusal(HTTPStatus.FORBIDDEN, "INSUFFICIENT_SCOPE", message)
