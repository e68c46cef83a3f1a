"""Fetches one source's feed if it has changed, following a bounded number of redirects."""

import http
import ipaddress
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urljoin, urlsplit

from omcrm.errors import FeedError, FeedRefused
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.http_refusal import retry_after
from omcrm.feeds.news.source_list import LARGEST_FEED
from omcrm.feeds.provider import Call, Reply
from omcrm.market.feed_event import FeedCode

_LONGEST = 15.0
_MOST_REDIRECTS = 5
_OK, _UNCHANGED = 200, 304
_REDIRECTS = (301, 302, 303, 307, 308)
_ACCEPT = (
    "application/rss+xml, application/atom+xml, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
)
_LONGEST_VALIDATOR = 500
_SAFE = "%/:=&?~#+!$,;'@()*[]"
_LONGEST_WAIT = 86_400.0
# IPv4 inside of IPv6, as NAT64 spells it.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_inside(address: str) -> bool:
    """Whether an IP address is one of this machine or a private network."""
    ip_address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip_address, ipaddress.IPv6Address):
        if ip_address in _NAT64:
            ip_address = ipaddress.IPv4Address(int(ip_address) & 0xFFFFFFFF)
        else:
            ip_address = ip_address.ipv4_mapped or ip_address.sixtofour or ip_address
    return not ip_address.is_global or ip_address.is_multicast


class NewsFetcher:
    """Fetches one URL repeatedly; one call at a time.

    A redirect to this machine or a private network is followed only where all addresses of the URL
    itself are there.
    """

    def __init__(self, url: str, inside: Callable[[str], bool] = is_inside) -> None:
        self._url = url
        self._inside = inside
        self._from_inside = False
        self._is_redirected = False
        self._validators: dict[str, str] = {}
        self._fetcher = Fetcher(_LONGEST, LARGEST_FEED, self._choose)

    @property
    def closed(self) -> bool:
        """Whether no more calls are made."""
        return self._fetcher.closed

    def close(self) -> None:
        """End all calls, also in the middle of an answer."""
        self._fetcher.close()

    def ask(self, now: datetime) -> Reply | None:
        """The feed; None where it is unchanged since the last `remember`; raises FeedError."""
        reply = self._follow(self._url)
        if reply.status == _UNCHANGED:
            return None
        if reply.status != _OK:
            raise FeedRefused(reply.status, _phrase(reply.status), _wait(reply, now))
        return reply

    def remember(self, reply: Reply) -> None:
        """Send this reply's validators from now on, so that an unchanged feed is not sent again."""
        named = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
        values = {ours: reply.headers.get(theirs, "") for ours, theirs in named.items()}
        self._validators = {
            ours: value
            for ours, value in values.items()
            if value and value.isprintable() and len(value) <= _LONGEST_VALIDATOR
        }

    def _follow(self, url: str) -> Reply:
        self._is_redirected, until = False, time.monotonic() + 2 * _LONGEST
        for _ in range(_MOST_REDIRECTS + 1):
            reply = self._fetcher.get(Call(url, (), {"Accept": _ACCEPT, **self._validators}))
            if reply.status not in _REDIRECTS:
                return reply
            url = _target(url, reply.headers.get("location", ""))
            self._is_redirected = True
            # The other sources wait in the same thread.
            if time.monotonic() > until:
                break
        raise FeedError(FeedCode.REDIRECTED_TOO_OFTEN)

    def _choose(self, addresses: Sequence[str]) -> Sequence[str]:
        """The addresses that may be connected to."""
        if not self._is_redirected:
            # A name with inside and outside addresses counts as outside.
            self._from_inside = all(map(self._inside, addresses))
        if self._from_inside:
            return addresses
        outside = [address for address in addresses if not self._inside(address)]
        if not outside:
            raise FeedError(FeedCode.REDIRECTED_INSIDE)
        return outside


def _target(url: str, location: str) -> str:
    try:
        target = urljoin(url, quote(location.encode("latin-1", "replace"), safe=_SAFE))
        before, after = urlsplit(url), urlsplit(target)
    except ValueError:
        raise FeedError(FeedCode.REDIRECTED_NOWHERE) from None
    if not location or after.scheme not in ("http", "https") or not after.hostname:
        raise FeedError(FeedCode.REDIRECTED_OFF_THE_WEB)
    if before.scheme == "https" and after.scheme != "https":
        raise FeedError(FeedCode.REDIRECTED_WITHOUT_TLS)
    return target


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"


def _wait(reply: Reply, now: datetime) -> float | None:
    """The seconds in `Retry-After`, given as a number or as a date; a day at most."""
    seconds = retry_after(reply)
    if seconds is None:
        try:
            until = parsedate_to_datetime(reply.headers.get("retry-after", ""))
            seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return None
    return min(max(0.0, seconds), _LONGEST_WAIT)
