"""News in this dialect's format, with their age in words."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from omcrm.feeds.news.item import SIMULATED_NEWS, NewsItem

_UNITS = (
    ("year", timedelta(days=365)),
    ("month", timedelta(days=30)),
    ("week", timedelta(weeks=1)),
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
)


def headlines(items: Iterable[NewsItem], now: datetime) -> list[dict[str, Any]]:
    """Title, link, source, image and time; the source of simulated news is `simulated`."""
    return [
        {
            "title": item.title,
            "link": item.url,
            "source": _source(item),
            "img": item.image,
            "time": None if item.published_at is None else ago(now - item.at),
        }
        for item in items
    ]


def ago(age: timedelta) -> str:
    """An age such as `1 day ago`, in the largest unit that fits; `just now` below a minute."""
    for unit, length in _UNITS:
        if (count := age // length) > 0:
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"


def _source(item: NewsItem) -> str:
    return item.source if item.source == SIMULATED_NEWS else item.publisher or item.source
