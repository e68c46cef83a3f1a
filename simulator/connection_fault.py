"""Faults of connections: cut, half open, refused, shut down, too old."""

import asyncio
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from simulator.client_socket import ClientSocket
from simulator.fault_settings import PONG_TIMEOUT, HttpRefusal
from simulator.provider_server import ProviderServer

GOING_AWAY = 1001
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Positive = Annotated[float, Meta(gt=0, le=86_400)]


class NoConnectionOptions(Struct, forbid_unknown_fields=True):
    """A fault without options."""


class Cut(Struct, forbid_unknown_fields=True):
    """How connections end: by a reset or by an end of stream."""

    how: Literal["rst", "fin"] = "rst"


class Refuse(Struct, forbid_unknown_fields=True):
    """How handshakes or calls are refused; `retry_after` in s."""

    status: Annotated[int, Meta(ge=400, le=599)]
    retry_after: Annotated[int, Meta(ge=0)] | None = None


class Shutdown(Struct, forbid_unknown_fields=True):
    """How many seconds before the end it is announced."""

    lead: Seconds = 0.0


class Lifetime(Struct, forbid_unknown_fields=True):
    """The maximum age of a connection."""

    seconds: Positive


class PingInterval(Struct, forbid_unknown_fields=True):
    """The interval of pings and the timeout of pongs."""

    seconds: Positive
    pong_timeout: Positive = PONG_TIMEOUT


class Trick(Struct, forbid_unknown_fields=True):
    """A fault that only this provider has; the provider defines what `amount` means."""

    name: str
    amount: float = 1.0


def trick(server: ProviderServer, options: Trick) -> dict[str, Any]:
    """Activate one of the provider's own faults until all faults are cleared."""
    server.faults.tricks[options.name] = options.amount
    return {}


def cut(server: ProviderServer, options: Cut) -> dict[str, Any]:
    """Drop every connection now, without a close frame."""
    client_sockets = list(server.client_sockets.values())
    for client_socket in client_sockets:
        client_socket.drop(reset=options.how == "rst")
    return {"connections": len(client_sockets)}


def half_open(server: ProviderServer, options: NoConnectionOptions) -> dict[str, Any]:
    """Freeze the open connections and leave new handshakes unanswered."""
    server.faults.half_open = True
    for client_socket in server.client_sockets.values():
        client_socket.freeze()
    return {"connections": len(server.client_sockets)}


def refuse(server: ProviderServer, options: Refuse) -> dict[str, Any]:
    """Refuse new handshakes."""
    server.faults.refusal = HttpRefusal(options.status, options.retry_after)
    return {}


def refuse_calls(server: ProviderServer, options: Refuse) -> dict[str, Any]:
    """Refuse every HTTP call, and no handshake."""
    server.faults.call_refusal = HttpRefusal(options.status, options.retry_after)
    return {}


def server_shutdown(server: ProviderServer, options: Shutdown) -> dict[str, Any]:
    """Announce the shutdown to the open connections, then close them."""
    client_sockets = list(server.client_sockets.values())
    for client_socket in client_sockets:
        if notice := client_socket.dialect.closing_soon():
            client_socket.send_text(notice)
    loop = asyncio.get_running_loop()
    loop.call_later(options.lead, _close_all, client_sockets)
    return {"connections": len(client_sockets)}


def lifetime(server: ProviderServer, options: Lifetime) -> dict[str, Any]:
    """Close every connection at a maximum age."""
    server.faults.lifetime = options.seconds
    for client_socket in server.client_sockets.values():
        client_socket.limit_lifetime()
    return {}


def ping_interval(server: ProviderServer, options: PingInterval) -> dict[str, Any]:
    """Change the ping interval."""
    server.faults.ping_interval = options.seconds
    server.faults.pong_timeout = options.pong_timeout
    _restart_heartbeats(server)
    return {}


def clear(server: ProviderServer, was_half_open: bool) -> None:
    """Reset the connection faults; drop the connections that were half open."""
    if was_half_open:
        for connection in list(server.unanswered):
            connection.abort()
        for client_socket in [item for item in server.client_sockets.values() if item.frozen]:
            client_socket.drop(reset=True)
    for client_socket in server.client_sockets.values():
        client_socket.limit_lifetime()
    _restart_heartbeats(server)


def _restart_heartbeats(server: ProviderServer) -> None:
    for client_socket in server.client_sockets.values():
        client_socket.heartbeat.start()


def _close_all(client_sockets: list[ClientSocket]) -> None:
    for client_socket in client_sockets:
        client_socket.close(GOING_AWAY, "server shutdown")
