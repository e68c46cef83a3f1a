"""Who may come in by a raw WebSocket, and in which words the others are refused."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

from omcrm.auth.credential import Caller, Unidentified, UnidentifiedReason, identify
from omcrm.auth.scope import Scope
from omcrm.streaming import wire

Environ = dict[str, Any]

# Who comes without a credential that counts.
_STRANGERS = (UnidentifiedReason.NONE_GIVEN, UnidentifiedReason.FOREIGN_ORIGIN)


class HandshakeRefusal(NamedTuple):
    """Why somebody is not let in, as HTTP says it; `wait` is in seconds."""

    status: int
    code: str
    message: str
    wait: int = 0

    def answer(self, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The whole answer."""
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
    """Learns who calls; where nothing is `guarded` strangers come in, from pages of any site."""

    def __init__(self, guarded: bool) -> None:
        self._guarded = guarded

    def who(self, environ: Environ) -> Caller | Unidentified | None:
        """Who makes this handshake, None for a stranger who may come in; needs an app context."""
        caller = identify(environ, websocket=True)
        is_stranger = isinstance(caller, Unidentified) and caller.reason in _STRANGERS
        return None if is_stranger and not self._guarded else caller


def refusal(refused: Unidentified) -> HandshakeRefusal:
    """The same in HTTP."""
    return HandshakeRefusal(refused.status, refused.code, refused.message, refused.wait_seconds)


def missing(scope: Scope) -> HandshakeRefusal:
    """What a token is told that was not made for this."""
    message = f"This needs a token with the scope {scope}."
    return HandshakeRefusal(HTTPStatus.FORBIDDEN, "INSUFFICIENT_SCOPE", message)
