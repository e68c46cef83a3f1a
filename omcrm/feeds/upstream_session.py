"""The session of `requests` for one upstream: its connections, its certificates, its proxy."""

import functools
import ipaddress
import logging
import ssl
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssltransport import SSLTransport

from omcrm.errors import FeedUnreached
from omcrm.feeds.dialer import Dialer, Stage
from omcrm.market.feed_event import FeedCode

_HEADERS = {
    "User-Agent": "OMCRM (self-hosted trading desk)",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
}


class UpstreamSession(requests.Session):
    """Keeps one connection, made by `dialer`; follows no redirect, and stores no cookie."""

    def __init__(self, dialer: Dialer) -> None:
        super().__init__()
        # What it logs has URLs in it, in which a key may be.
        logging.getLogger("urllib3").setLevel(logging.CRITICAL)
        # Else it would also read .netrc. Proxies are given with each call.
        self.trust_env = False
        self.headers = CaseInsensitiveDict(_HEADERS)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        for scheme in ("http://", "https://"):
            self.mount(scheme, _UpstreamAdapter(dialer))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: redirects that are not followed would still be read whole, however large."""


def proxies_for(url: str) -> dict[str, str]:
    """The proxies for a URL as HTTP_PROXY, HTTPS_PROXY and NO_PROXY name them, none on loopback."""
    return {} if _is_loopback(urlsplit(url).hostname or "") else get_environ_proxies(url)


def is_proxied(url: str, proxies: dict[str, str]) -> bool:
    """Whether a call to `url` goes to one of these proxies."""
    return select_proxy(url, proxies) is not None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class _UpstreamAdapter(HTTPAdapter):
    """Lets a dialer make the connections."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        super().__init__(pool_connections=1, pool_maxsize=1)

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        kind = _HttpsConnection if pool.scheme == "https" else _HttpConnection
        pool.ConnectionCls = functools.partial(kind, self._dialer)
        return pool

    def build_connection_pool_key_attributes(self, *args: Any, **options: Any) -> Any:
        host, key = super().build_connection_pool_key_attributes(*args, **options)
        return host, {**key, "ssl_context": _tls()} if host["scheme"] == "https" else key

    def cert_verify(self, *args: Any) -> None:
        """Do nothing: it would load a file of certificates for each connection anew."""

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        scheme = urlsplit(proxy).scheme
        if scheme not in ("http", "https"):
            raise FeedUnreached(FeedCode.PROXY_NOT_HTTP)
        if scheme == "https":
            options["proxy_ssl_context"] = _tls()
        return super().proxy_manager_for(proxy, **options)


class _Dialed(HTTPConnection):
    """A connection of urllib3 whose socket a dialer makes."""

    def __init__(self, dialer: Dialer, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._dialer = dialer

    def _new_conn(self) -> Any:
        is_proxy = self.proxy is not None
        return self._dialer.dial(self._dns_host.strip("[]"), self.port, is_proxy=is_proxy)

    def connect(self) -> None:
        super().connect()
        self._dialer.stage = Stage.CONNECTED

    def _tunnel(self) -> None:
        try:
            super()._tunnel()  # type: ignore[misc]
        except OSError as error:
            # Its text is the proxy's own.
            if type(error) is OSError:
                raise FeedUnreached(FeedCode.PROXY_REFUSED) from None
            raise


class _HttpConnection(_Dialed):
    pass


class _HttpsConnection(_Dialed, HTTPSConnection):
    pass


class _TlsContext(ssl.SSLContext):
    """TLS above a dialer's socket, not instead of it: the handshake's waits end in time, too."""

    def wrap_socket(self, sock: Any, *args: Any, **options: Any) -> Any:
        return SSLTransport(sock, self, options.get("server_hostname"))


@functools.cache
def _tls() -> ssl.SSLContext:
    """The one context of this process: to load the system's certificates takes 25 ms."""
    context = _TlsContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context
