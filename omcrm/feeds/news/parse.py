"""Parses the bytes of a feed into news items; no I/O, and no bytes make it raise."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from msgspec import Struct

from omcrm.feeds.news.document import Document, MalformedFeed, parts, text
from omcrm.feeds.news.plain_text import plain
from omcrm.feeds.news.source_list import LARGEST_FEED, NewsSource
from omcrm.feeds.news.timestamp import moment
from omcrm.feeds.news.web_link import link_identity, web_link
from omcrm.market.news_item import NewsItem

_TITLE, _SUMMARY, _PUBLISHER = 300, 1000, 100
_ID_DIGITS = 13
_IMAGE_NAME = re.compile(r"(?i)\.(?:jpe?g|png|webp|gif|avif)\Z")


class NewsBatch(Struct, frozen=True):
    """The items of one answer; `problem` describes why some are missing."""

    items: tuple[NewsItem, ...]
    problem: str | None = None


def parse(
    body: bytes, source: NewsSource, now: datetime, pause: Callable[[], None] = lambda: None
) -> NewsBatch:
    """The items of an RSS 2.0, RSS 1.0 or Atom document, in its order; never raises.

    Items before a mistake are kept. `pause` is called after each item and now and then before, so
    that other green threads can run.
    """
    if len(body) > LARGEST_FEED:
        return NewsBatch((), f"more than {LARGEST_FEED} bytes")
    document, problem = Document(), None
    try:
        document.read(body, pause)
    except MalformedFeed as error:
        problem = str(error)
    publisher = plain(document.title, _PUBLISHER) or None
    items: dict[str, NewsItem] = {}
    for entry in document.entries:
        item = _item(entry, source, publisher, now)
        if item is not None:
            items.setdefault(item.id, item)
        pause()
    return NewsBatch(tuple(items.values()), problem)


def _item(
    entry: Mapping[str, Any], source: NewsSource, publisher: str | None, now: datetime
) -> NewsItem | None:
    contents = [content.get("value", "") for content in parts(entry, "content")]
    summary = plain(text(entry, "summary") or "".join(contents[:1]), _SUMMARY)
    title = plain(text(entry, "title"), _TITLE) or plain(summary, _TITLE)
    if not title:
        return None
    published = text(entry, "published") or text(entry, "updated")
    url = web_link(text(entry, "link"), source.url)
    return NewsItem(
        id=_identity(text(entry, "id"), url, f"{title}\n{published}", source),
        source=source.name,
        publisher=publisher,
        title=title,
        summary="" if summary == title else summary,
        url=url,
        image=web_link(_image(entry), source.url),
        published_at=moment(published, now),
        received_at=now,
    )


def _image(entry: Mapping[str, Any]) -> str:
    """The address of the item's first image; empty where it has none."""
    addresses = [thumbnail.get("url", "") for thumbnail in parts(entry, "media_thumbnail")]
    for medium in parts(entry, "media_content"):
        address, kind = medium.get("url", ""), medium.get("type") or medium.get("medium", "")
        if kind.startswith("image") or (not kind and _IMAGE_NAME.search(address)):
            addresses.append(address)
    addresses += [
        link.get("href", "")
        for link in parts(entry, "links")
        if link.get("rel") == "enclosure" and link.get("type", "").startswith("image")
    ]
    return next(filter(None, addresses), "")


def _identity(id_: str, url: str | None, rest: str, source: NewsSource) -> str:
    # An id that is a URL identifies the item in every source, other ids only within their own.
    address = web_link(id_) if id_ else url
    own = f"{source.name}\n{id_ or rest}"
    key = own if address is None else link_identity(address)
    return sha256(key.encode()).hexdigest()[:_ID_DIGITS]
