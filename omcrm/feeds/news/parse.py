"""Parses the bytes of a feed into news items; no I/O, and no bytes make it raise."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from omcrm.feeds.news.document import Document, Draft, MalformedFeed
from omcrm.feeds.news.item import NewsBatch, NewsItem, NewsSource
from omcrm.feeds.news.plain_text import plain
from omcrm.feeds.news.timestamp import moment
from omcrm.feeds.news.web_link import link_identity, web_link

LARGEST = 2 * 1024 * 1024
_TITLE, _SUMMARY, _PUBLISHER = 300, 1000, 100
_ID_DIGITS = 13


def parse(
    body: bytes, source: NewsSource, now: datetime, pause: Callable[[], None] = lambda: None
) -> NewsBatch:
    """The items of an RSS 2.0, RSS 1.0 or Atom document, in its order; never raises.

    Items before a mistake are kept. `pause` is called after each item, so that other green threads
    can run.
    """
    if len(body) > LARGEST:
        return NewsBatch((), f"more than {LARGEST} bytes")
    document, problem = Document(), None
    try:
        document.read(body)
    except MalformedFeed as error:
        problem = str(error)
    publisher = plain(document.title, _PUBLISHER) or None
    items: dict[str, NewsItem] = {}
    for draft in document.drafts:
        item = _item(draft, source, publisher, now)
        if item is not None:
            items.setdefault(item.id, item)
        pause()
    return NewsBatch(tuple(items.values()), problem)


def _item(
    draft: Draft, source: NewsSource, publisher: str | None, now: datetime
) -> NewsItem | None:
    texts = draft.texts
    summary = plain(texts.get("summary") or texts.get("content", ""), _SUMMARY)
    title = plain(texts.get("title", ""), _TITLE) or plain(summary, _TITLE)
    if not title:
        return None
    published = texts.get("published") or texts.get("updated", "")
    link = texts.get("link") or (texts.get("id", "") if "id_is_link" in texts else "")
    url = web_link(link, source.url)
    return NewsItem(
        id=_identity(texts.get("id", ""), url, f"{title}\n{published}", source),
        source=source.name,
        publisher=publisher,
        title=title,
        summary="" if summary == title else summary,
        url=url,
        image=web_link(texts.get("image", ""), source.url),
        published_at=moment(published, now),
        received_at=now,
    )


def _identity(id_: str, url: str | None, rest: str, source: NewsSource) -> str:
    # An id that is a URL identifies the item in every source, other ids only within their own.
    address = web_link(id_) if id_ else url
    own = f"{source.name}\n{id_ or rest}"
    key = own if address is None else link_identity(address)
    return sha256(key.encode()).hexdigest()[:_ID_DIGITS]
