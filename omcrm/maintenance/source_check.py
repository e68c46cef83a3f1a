"""Checks whether the sources of prices can be reached, and this machine's clock against theirs."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from statistics import median
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct

from omcrm.errors import FeedError
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.fetch import Fetcher
from omcrm.feeds.provider import Call
from omcrm.feeds.registry import POLLS, STREAMS, polls, streams
from omcrm.maintenance.finding import Finding, clock_finding, ok, problem, skipped, warning
from omcrm.market.feed_event import FeedCode

_SECONDS = 8.0
# A page in front of an API may be large, and only its head matters.
_LARGEST = 256 * 1024
_ANSWERED = (FeedCode.ANSWER_TOO_LARGE, FeedCode.UNKNOWN_ENCODING, FeedCode.ANSWER_CUT_SHORT)
_HTTP = {"ws": "http", "wss": "https"}


class _Reach(Struct, frozen=True):
    """What became of asking a source's host; by how many seconds the own clock is ahead of its."""

    failure: str | None
    ahead: float | None = None


def check_sources(settings: FeedSettings, *, is_demo: bool) -> Iterator[Finding]:
    """The findings, one for each source and one for the clock; no key is sent, and no call of a
    quota is spent. A demonstration has prices of its own where none can be reached."""
    providers = {**streams(settings), **polls(settings)}
    missing = {name: provider.missing() for name, provider in providers.items()}
    used = [name for name in providers if not missing[name]]
    with ThreadPoolExecutor(max(1, len(used))) as pool:
        reached = dict(
            zip(used, pool.map(lambda name: _reach(settings.urls[name]), used), strict=True)
        )
    for name in (*STREAMS, *POLLS):
        part, reach = f"source {name}", reached.get(name)
        if reach is None:
            is_off = name not in missing
            yield skipped(part, "off" if is_off else f"no key: {missing[name]} is not set")
        elif reach.failure is None:
            yield ok(part, f"{urlsplit(settings.urls[name]).hostname} answers")
        else:
            yield warning(
                part,
                f"{urlsplit(settings.urls[name]).hostname}: {reach.failure}",
                "look at the network, the firewall and the proxy (HTTPS_PROXY)",
            )
    yield from _sum_up(list(reached.values()), is_demo)


def _sum_up(reached: list[_Reach], is_demo: bool) -> Iterator[Finding]:
    if all(reach.failure for reach in reached):
        finding = warning if is_demo else problem
        yield finding(
            "sources",
            "none can be reached: no price will be live",
            "let this machine reach one; python test_realtime_websockets.py looks for prices",
        )
    offsets = [reach.ahead for reach in reached if reach.ahead is not None]
    if offsets:
        yield clock_finding("clock (sources)", "most sources'", median(offsets))


def _reach(url: str) -> _Reach:
    parts = urlsplit(url)
    # Its front page: what is behind has limits and keys.
    address = urlunsplit((_HTTP.get(parts.scheme, parts.scheme), parts.netloc, "/", "", ""))
    fetcher = Fetcher(_SECONDS, _LARGEST)
    before = time.time()
    try:
        reply = fetcher.get(Call(address, ()))
    except FeedError as error:
        return _Reach(None if error.problem.code in _ANSWERED else str(error))
    finally:
        fetcher.close()
    return _Reach(None, _ahead(before, reply.headers.get("date", ""), time.time()))


def _ahead(before: float, date: str, after: float) -> float | None:
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    # It was cut to whole seconds.
    return max(0.0, before - theirs - 1) - max(0.0, theirs - after)
