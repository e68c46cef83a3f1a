"""Connections to Redis or Valkey that never wait longer than they are told."""

from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from omcrm.engine.bus_frame import VERSION


class RedisNames(Struct, frozen=True):
    """The channels and keys of one installation."""

    quotes: str
    messages: str
    head: str
    snapshot: str
    limits: str


def names_for(url: str) -> RedisNames:
    """The names for the database that a URL names: channels are common to all databases."""
    number = _options(url).get("db", 0)
    prefix = f"omcrm:{number}:v{VERSION}"
    return RedisNames(
        quotes=f"{prefix}:quotes",
        messages=f"{prefix}:messages",
        head=f"{prefix}:head",
        snapshot=f"{prefix}:snapshot",
        limits=f"{prefix}:limit:",
    )


def connect_redis(url: str, timeout: float) -> Redis:
    """A client of one thread, not connected yet; each wait ends after `timeout` seconds.

    It tries nothing twice: by default the library would wait for many times the timeout.
    """
    options = {
        **_options(url),
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_timeout": False,
        "health_check_interval": 0,
        "protocol": 2,
        "decode_responses": False,
        "socket_keepalive": True,
    }
    # A client that owns its pool closes its connections.
    return Redis.from_pool(ConnectionPool(**options))


def _options(url: str) -> dict[str, Any]:
    return dict(parse_url(url))  # type: ignore[no-untyped-call]


def shown_url(url: str) -> str:
    """The URL without what is secret in it: scheme, host, port and database."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
