"""The setting that names the feeds, and the sources that it means."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from omcrm.feeds.news.item import SIMULATED_NEWS, NewsSource

_MOST = 20


def read_urls(text: str) -> tuple[str, ...]:
    """The URLs of a comma-separated text, each once; raises ValueError for what is none."""
    urls = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
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
    """A source for each URL, named by its host; without any, the news of a built-in exchange."""
    sources = tuple(
        NewsSource(url, (urlsplit(url).hostname or "").removeprefix("www.")) for url in urls
    )
    if not sources and exchange_url:
        host = exchange_url.removeprefix("ws:")
        return (NewsSource(f"http:{host}/news/rss", SIMULATED_NEWS),)
    return sources
