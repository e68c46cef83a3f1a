"""Faults of connections: cut, half open, refused, shut down, too old, without pings."""

import asyncio
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from omcrm.exchange.exchange import Exchange
from omcrm.exchange.fault_settings import PONG_TIMEOUT, Refusal
from omcrm.exchange.session import Session

GOING_AWAY = 1001
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Positive = Annotated[float, Meta(gt=0, le=86_400)]


class Nothing(Struct, forbid_unknown_fields=True):
    """A fault without options."""


class Cut(Struct, forbid_unknown_fields=True):
    """How connections are dropped: by a reset, or by an ordinary end of stream."""

    how: Literal["rst", "fin"] = "rst"


class Refuse(Struct, forbid_unknown_fields=True):
    """How handshakes are refused; `retry_after` in s."""

    status: Annotated[int, Meta(ge=400, le=599)]
    retry_after: Annotated[int, Meta(ge=0)] | None = None


class Shutdown(Struct, forbid_unknown_fields=True):
    """How long before the end it is announced."""

    lead: Seconds = 0.0


class Lifetime(Struct, forbid_unknown_fields=True):
    """How old a connection may get."""

    seconds: Positive


class PingInterval(Struct, forbid_unknown_fields=True):
    """How often pings are sent, and how long a pong may take."""

    seconds: Positive
    pong_timeout: Positive = PONG_TIMEOUT


class Trick(Struct, forbid_unknown_fields=True):
    """What only this venue does wrong; `amount` means what the venue says."""

    name: str
    amount: float = 1.0


def trick(exchange: Exchange, options: Trick) -> dict[str, Any]:
    """Let the venue play one of its own tricks until all faults are cleared."""
    exchange.faults.tricks[options.name] = options.amount
    return {}


def cut(exchange: Exchange, options: Cut) -> dict[str, Any]:
    """Drop every connection now, without a close frame."""
    sessions = list(exchange.sessions.values())
    for session in sessions:
        session.drop(reset=options.how == "rst")
    return {"connections": len(sessions)}


def half_open(exchange: Exchange, options: Nothing) -> dict[str, Any]:
    """Send and read nothing on the connections there are, answer no new handshake."""
    exchange.faults.half_open = True
    for session in exchange.sessions.values():
        session.freeze()
    return {"connections": len(exchange.sessions)}


def refuse(exchange: Exchange, options: Refuse) -> dict[str, Any]:
    """Refuse new handshakes."""
    exchange.faults.refusal = Refusal(options.status, options.retry_after)
    return {}


def server_shutdown(exchange: Exchange, options: Shutdown) -> dict[str, Any]:
    """Announce the end to the connections there are, and end them."""
    sessions = list(exchange.sessions.values())
    for session in sessions:
        if notice := session.dialect.closing_soon():
            session.say(notice)
    loop = asyncio.get_running_loop()
    loop.call_later(options.lead, _close_all, sessions)
    return {"connections": len(sessions)}


def lifetime(exchange: Exchange, options: Lifetime) -> dict[str, Any]:
    """Close every connection some time after it was opened."""
    exchange.faults.lifetime = options.seconds
    for session in exchange.sessions.values():
        session.limit_lifetime()
    return {}


def ping_interval(exchange: Exchange, options: PingInterval) -> dict[str, Any]:
    """Ping at another interval."""
    exchange.faults.ping_interval = options.seconds
    exchange.faults.pong_timeout = options.pong_timeout
    _restart_heartbeats(exchange)
    return {}


def no_ping(exchange: Exchange, options: Nothing) -> dict[str, Any]:
    """Ping no more."""
    exchange.faults.pings = False
    return {}


def clear(exchange: Exchange, was_half_open: bool) -> None:
    """Treat connections well again; those that were half open are found dead."""
    if was_half_open:
        for connection in list(exchange.unanswered):
            connection.abort()
        for session in [item for item in exchange.sessions.values() if item.frozen]:
            session.drop(reset=True)
    for session in exchange.sessions.values():
        session.limit_lifetime()
    _restart_heartbeats(exchange)


def _restart_heartbeats(exchange: Exchange) -> None:
    for session in exchange.sessions.values():
        session.heartbeat.start()


def _close_all(sessions: list[Session]) -> None:
    for session in sessions:
        session.close(GOING_AWAY, "server shutdown")
