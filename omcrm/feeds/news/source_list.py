"""Reads the setting with the URLs of the feeds, and makes their sources."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from msgspec import Struct

from omcrm.market.news_item import SIMULATED_NEWS

LARGEST_FEED = 2 * 1024 * 1024
"""In bytes."""

_MOST = 20


class NewsSource(Struct, frozen=True):
    """One feed that is polled; `name` is shown with each of its items."""

    url: str
    name: str


def read_urls(text: str) -> tuple[str, ...]:
    """The URLs of a comma-separated text without duplicates; raises ValueError for other text."""
    urls = tuple(dict.fromkeys(url.strip() for url in text.split(",") if url.strip()))
    if len(urls) > _MOST:
        raise ValueError(f"expected {_MOST} URLs at most")
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("expected URLs that begin with http or https, separated by commas")
        if "@" in parts.netloc or not (url.isascii() and url.isprintable()) or " " in url:
            raise ValueError("expected URLs without a user name, all special characters as %20")
    return urls


def news_sources(urls: Iterable[str], exchange_url: str = "") -> tuple[NewsSource, ...]:
    """A source for each URL, named by its host; without URLs, the built-in exchange's news."""
    sources = tuple(
        NewsSource(url, (urlsplit(url).hostname or "").removeprefix("www.")) for url in urls
    )
    if not sources and exchange_url:
        host = exchange_url.removeprefix("ws:")
        return (NewsSource(f"http:{host}/news/rss", SIMULATED_NEWS),)
    return sources
