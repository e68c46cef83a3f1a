"""All settings, read once into a frozen object.

Long for a reason: it is one table, a setting after the other.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from omcrm.concurrency import MODES
from omcrm.env_file import ROOT, file_texts
from omcrm.errors import SettingError
from omcrm.feeds.declaration import Declaration
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.keys import Keys
from omcrm.feeds.news.source_list import NewsSource, news_sources, read_urls
from omcrm.feeds.registry import POLLS, PROVIDERS, STREAMS
from omcrm.market.parsing import whole
from omcrm.market.source import SIMULATED

_PREFIX = "OMCRM_"
_HOST = re.compile(r"[a-z0-9._:-]+")


# Reading a setting's text


def _text(text: str) -> str:
    return text


def _flag(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("expected true or false")


def _between(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        with contextlib.suppress(ValueError):
            if least <= (number := whole(text)) <= most:
                return number
        raise ValueError(f"expected a whole number from {least} to {most}")

    return read


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text

    return read


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text and (urlsplit(text).scheme not in schemes or not urlsplit(text).hostname):
            raise ValueError(f"expected a URL that begins with {' or '.join(schemes)}")
        return text.rstrip("/")

    return read


# What the URL of the bus may name besides the server: files for TLS, whose checks stay on.
_BUS_FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}


def _bus(text: str) -> str:
    """The URL of a server; what is wrong with it is said without its text, which has a password."""
    if not text:
        return ""
    with contextlib.suppress(ValueError):
        parts = urlsplit(text)
        has_place = bool(parts.hostname) and parts.port != 0
        is_number = not parts.path.strip("/") or parts.path.strip("/").isdecimal()
        has_files = {name for name, _ in parse_qsl(parts.query, strict_parsing=bool(parts.query))}
        is_known = has_files <= _BUS_FILES and not parts.fragment
        if parts.scheme in ("redis", "rediss") and has_place and is_number and is_known:
            return text
    raise ValueError(
        "expected redis://[user:password@]host[:port][/number], or rediss:// for TLS; "
        "characters such as / and @ in a password are written as %2F and %40"
    )


def _origin(text: str) -> str:
    """The origin as browsers write it: lower case, without a default port or a path."""
    parts = urlsplit(_url("http", "https")(text))
    if not text:
        return ""
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError("expected only a scheme, a host and a port")
    if not _HOST.fullmatch(parts.hostname or ""):
        raise ValueError("expected a host as browsers write it, without * and in ASCII")
    default = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _origins(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_origin(part.strip()) for part in text.split(",") if part.strip()))


def _some_of(*options: str) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        chosen = tuple(part.strip() for part in text.split(",") if part.strip())
        if set(chosen) - set(options) or not chosen:
            raise ValueError(f"expected a comma-separated choice of {', '.join(options)}")
        return chosen

    return read


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _sources(text: str) -> tuple[str, ...]:
    known = (*STREAMS, *POLLS)
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if names == ("all",):
        return known
    if unknown := set(names) - set(known):
        raise ValueError(f"{', '.join(sorted(unknown))} unknown, there are {', '.join(known)}")
    return names


class Setting(Struct, frozen=True):
    """One setting: its name, its default as text, how it is read, and what it is about."""

    env: str
    default: str
    read: Callable[[str], Any]
    about: str

    def value(self, texts: Mapping[str, str]) -> Any:
        """What these texts, or the default, say; raises SettingError."""
        try:
            return self.read(texts.get(self.env, self.default).strip())
        except ValueError as error:
            raise SettingError(self.env, str(error)) from error


def _setting(env: str, default: str, read: Callable[[str], Any], about: str) -> Any:
    return field(metadata={"setting": Setting(env, default, read, about)})


def _of_provider(declaration: Declaration) -> Iterator[Setting]:
    """What a provider declares, without its keys, which are never stored."""
    for address in declaration.addresses:
        read = _url(*address.schemes)
        yield Setting(address.env, address.default, read, address.about)
    for choice in declaration.choices:
        default = ",".join(choice.default)
        yield Setting(choice.env, default, _some_of(*choice.options), choice.about)


_PROVIDER_SETTINGS = [
    setting for declaration in PROVIDERS.values() for setting in _of_provider(declaration)
]
# Two sources may have one key.
_KEYS = list(dict.fromkeys(key for declaration in PROVIDERS.values() for key in declaration.keys))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process; `load` makes it."""

    host: str = _setting("HOST", "127.0.0.1", _text, "Address to listen on.")
    port: int = _setting("PORT", "5000", _between(0, 65535), "Port to listen on.")
    public_url: str = _setting(
        "PUBLIC_URL",
        "",
        _origin,
        "How browsers reach this installation, e.g. https://desk.example.com; needed behind a "
        "proxy. Empty: the address they ask for.",
    )
    allowed_origins: tuple[str, ...] = _setting(
        "ALLOWED_ORIGINS",
        "",
        _origins,
        "Pages on other hosts that may use the API, e.g. https://app.example.com, separated by "
        "commas; they use an API token or a ticket, a login's cookie never counts there.",
    )
    trusted_proxies: int = _setting(
        "TRUSTED_PROXIES",
        "0",
        _between(0, 10),
        "How many proxies in front are trusted to name the client's address.",
    )
    database_url: str = _setting(
        "DATABASE_URL", "", _text, "SQLAlchemy URL. Empty: SQLite in the instance folder."
    )
    bus_url: str = _setting(
        "BUS_URL",
        "",
        _bus,
        "Redis from 7 on, or Valkey, by which several processes share prices and limits, e.g. "
        "redis://:PASSWORD@127.0.0.1:6379/0, or rediss:// for TLS. Who can write there can set "
        "prices. Empty: one process.",
    )
    secret_key: str = _setting(
        "SECRET_KEY",
        "",
        _text,
        "Signs logins: at least 32 random characters, such as `python -c 'import secrets; "
        "print(secrets.token_urlsafe(48))'` prints. Another key ends all logins. Empty: created "
        "once in the instance folder.",
    )
    session_hours: int = _setting(
        "SESSION_HOURS", "12", _between(1, 24 * 30), "How long a login lasts."
    )
    login_failures_per_minute: int = _setting(
        "LOGIN_FAILURES_PER_MINUTE",
        "20",
        _between(1, 10_000),
        "Failed logins one address may make in a minute; as many wrong API tokens.",
    )
    instance: str = _setting(
        "OMCRM_INSTANCE", "instance", _text, "Folder of secrets and the SQLite database."
    )
    demo: bool = _setting(
        "OMCRM_DEMO",
        "false",
        _flag,
        "A demonstration installation: simulated prices where no real source has any.",
    )
    engine: str = _setting(
        "OMCRM_ENGINE",
        "on",
        _one_of("on", "off"),
        "Whether a web process may run the feeds. `off`: it shows what `manage.py engine` sends "
        "over the bus; needs BUS_URL and PostgreSQL.",
    )
    async_mode: str = _setting("OMCRM_ASYNC", "eventlet", _one_of(*MODES), "What `run.py` runs on.")
    exchange_url: str = _setting(
        "OMCRM_EXCHANGE_URL",
        "",
        _url("ws"),
        "A running built-in exchange for a demo installation. Empty: `run.py` starts one.",
    )
    realtime_sources: tuple[str, ...] = _setting(
        "REALTIME_SOURCES",
        "all",
        _sources,
        "Which sources are used, a comma-separated choice; the order is the policy's.",
    )
    replay_of: tuple[str, ...] = _setting(
        "REPLAY_OF",
        "",
        _names,
        "Sources, or hosts of their addresses, that are believed when they say that they play a "
        "recording; on this machine every source is.",
    )
    realtime_update_interval: int = _setting(
        "REALTIME_UPDATE_INTERVAL",
        "30",
        _between(1, 86_400),
        "Seconds between two polls of the same price, for sources that are polled.",
    )
    realtime_batch_size: int = _setting(
        "REALTIME_BATCH_SIZE",
        "50",
        _between(1, 500),
        "How many symbols one poll requests, where the source allows that many.",
    )
    realtime_cache_timeout: int = _setting(
        "REALTIME_CACHE_TIMEOUT", "300", _between(1, 86_400), "An older price is not current."
    )
    feed_state_dir: str = _setting(
        "FEED_STATE_DIR",
        "",
        _text,
        "Folder in which all processes of this machine count calls and share keys. "
        "Empty: .local/state/omcrm of the user.",
    )
    news_feeds: tuple[str, ...] = _setting(
        "NEWS_FEEDS",
        "",
        read_urls,
        "RSS and Atom feeds to read news from, their URLs separated by commas (%2C inside of one). "
        "Empty: none; in a demonstration the built-in exchange's.",
    )
    news_interval: int = _setting(
        "NEWS_INTERVAL",
        "300",
        _between(60, 86_400),
        "Seconds between two polls of the same feed.",
    )
    max_desk_connections: int = _setting(
        "MAX_DESK_CONNECTIONS_PER_USER",
        "20",
        _between(1, 100_000),
        "Open pages of one user.",
    )
    max_desk_subscriptions: int = _setting(
        "MAX_DESK_SUBSCRIPTIONS", "250", _between(1, 10_000), "Instruments one page may watch."
    )
    use_security: bool = _setting(
        "USE_SECURITY",
        "true",
        _flag,
        "Whether raw WebSockets need a login or a token; if not, anybody may read market data "
        "there, from pages of every origin.",
    )
    max_connections: int = _setting(
        "MAX_CONNECTIONS_PER_USER",
        "5",
        _between(1, 100_000),
        "Raw WebSockets of one user, or of one address of strangers.",
    )
    max_subscriptions: int = _setting(
        "MAX_SUBSCRIPTIONS_PER_CONNECTION",
        "50",
        _between(1, 10_000),
        "What one raw WebSocket may be subscribed to.",
    )
    stream_interval: int = _setting(
        "STREAM_INTERVAL", "5", _between(1, 60), "Seconds between two messages of /quotes etc."
    )
    daily_request_limit: int = _setting(
        "DAILY_REQUEST_LIMIT",
        "2000",
        _between(1, 10**9),
        "Requests on /quotes etc. that one token, or one user's logins, may make in a day.",
    )
    price_window_ms: int = _setting(
        "PRICE_WINDOW_MS",
        "100",
        _between(1, 10_000),
        "The least time between two updates of a symbol, in milliseconds.",
    )
    ping_interval: int = _setting(
        "PING_INTERVAL", "25", _between(1, 300), "Seconds between two pings of a page."
    )
    ping_timeout: int = _setting(
        "PING_TIMEOUT", "20", _between(1, 300), "Seconds in which a page must answer a ping."
    )
    connect_timeout: int = _setting(
        "CONNECT_TIMEOUT",
        "10",
        _between(1, 300),
        "Seconds in which a new connection must send its first request.",
    )
    websocket_timeout: int = _setting(
        "WEBSOCKET_TIMEOUT",
        "300",
        _between(1, 3600),
        "Seconds after which a client is disconnected that reads nothing, or on a raw WebSocket "
        "sends nothing (a pong counts).",
    )
    websocket_compression: bool = _setting(
        "WEBSOCKET_COMPRESSION",
        "true",
        _flag,
        "Compress messages to browsers that offer it (permessage-deflate).",
    )
    log_level: str = _setting(
        "LOG_LEVEL", "INFO", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "What is logged."
    )
    provider_settings: Mapping[str, Any]
    """What the providers declare, by the setting's name."""

    @property
    def instance_path(self) -> Path:
        """The instance folder, absolute."""
        return (ROOT / self.instance).resolve()

    @property
    def feed_state_path(self) -> Path:
        """The folder that the feeds of all processes on this machine share, absolute."""
        if self.feed_state_dir:
            return (ROOT / self.feed_state_dir).resolve()
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        return Path(home) / "omcrm"

    @property
    def feeds(self) -> FeedSettings:
        """The settings of the feeds."""
        urls = {SIMULATED.name: self.exchange_url if self.demo else ""}
        for declaration in PROVIDERS.values():
            urls |= self._urls(declaration)
        choices = [choice for declaration in PROVIDERS.values() for choice in declaration.choices]
        return FeedSettings(
            urls=urls,
            keys=Keys(_key),
            choices={choice.env: self.provider_settings[choice.env] for choice in choices},
            replay_of=self.replay_of,
        )

    def _urls(self, declaration: Declaration) -> dict[str, str]:
        """The addresses of its chosen sources, and a second address where the first is set."""
        values = {
            address.name: self.provider_settings[address.env] for address in declaration.addresses
        }
        is_used = bool(values.get(declaration.name)) and declaration.name in self.realtime_sources
        return {
            name: url
            for name, url in values.items()
            if (name in self.realtime_sources if name in declaration.labels else is_used)
        }

    @property
    def news_sources(self) -> tuple[NewsSource, ...]:
        """The feeds that news is read from."""
        return news_sources(self.news_feeds, self.exchange_url if self.demo else "")

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.instance_path / 'omcrm.db'}"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings from the environment, over `.env`, over `omcrm.env` of the instance folder.

    Raises SettingError for a setting that is unknown (in a file, or beginning with `OMCRM_`) or
    cannot be read.
    """
    environ = os.environ if environ is None else environ
    texts = file_texts(environ, ROOT)
    instance = texts["OMCRM_INSTANCE"]
    known = {setting.env for setting in all_settings()} | {key.env for key in _KEYS}
    for name in [*texts, *(name for name in environ if name.startswith(_PREFIX))]:
        if name not in known:
            raise SettingError(name, "there is no such setting")
    texts.update({name: environ[name] for name in known if name in environ})
    texts["OMCRM_INSTANCE"] = instance
    provider_settings = {setting.env: setting.value(texts) for setting in _PROVIDER_SETTINGS}
    settings = Settings(
        **{name: setting.value(texts) for name, setting in _OWN.items()},
        provider_settings=provider_settings,
    )
    _check_engine(settings)
    return settings


def _check_engine(settings: Settings) -> None:
    """Raise SettingError where this process would have neither an engine nor any prices."""
    if settings.engine == "on":
        return
    if not settings.bus_url:
        problem = "`off` needs BUS_URL: without a bus no price reaches a process without an engine"
        raise SettingError("OMCRM_ENGINE", problem)
    if not settings.database.startswith("postgresql"):
        problem = "`off` needs PostgreSQL in DATABASE_URL: several processes cannot share SQLite"
        raise SettingError("OMCRM_ENGINE", problem)


_OWN: Mapping[str, Setting] = {
    field.name: field.metadata["setting"] for field in fields(Settings) if field.metadata
}


def all_settings() -> list[Setting]:
    """Every setting but the keys, the providers' at the end."""
    return [*_OWN.values(), *_PROVIDER_SETTINGS]


def _key(name: str) -> str:
    """The current value of a key: it may change while the process runs, and is not stored."""
    if name in os.environ:
        return os.environ[name]
    return file_texts(os.environ, ROOT).get(name, "")


def example() -> str:
    """The text of `.env.example`: every setting with its default."""
    parts = ["# Every setting, with its default. Copy to .env and change what you need."]
    parts += [f"# {setting.about}\n# {setting.env}={setting.default}" for setting in all_settings()]
    parts += [f"# {key.about}\n# {key.env}=" for key in _KEYS]
    return "\n\n".join(parts) + "\n"
