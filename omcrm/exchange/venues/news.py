"""News of the simulated market, as RSS 2.0 and as Atom.

https://www.rssboard.org/rss-specification, https://www.rfc-editor.org/rfc/rfc4287

Every quarter of an hour tells of the symbols that moved most in it, in words that begin with
`Simulated:`. Both hold the same items; `ETag` and `Last-Modified` are those of the newest. Tricks:
`extra` adds `amount` items of now, `garbage` breaks the document off in the middle, `html` puts
markup into the titles, `bomb` declares entities that expand without end, `large` makes the document
`amount` bytes long, `moved` answers that the feed is at port `amount` of this machine.
"""

import html
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct

from omcrm.exchange.candle import Candle
from omcrm.exchange.http import Answer, Request
from omcrm.exchange.interval import LENGTHS
from omcrm.exchange.listing import Listing
from omcrm.exchange.venues.spelling import is_coin, is_currency
from omcrm.exchange.venues.text import plain
from omcrm.market.catalogue import CATALOGUE

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange

INTERVAL = "15m"
_WINDOWS, _A_WINDOW = 8, 3
_NAMES = {
    instrument.provider_symbols["simulated"].upper(): (instrument.symbol, instrument.name)
    for instrument in CATALOGUE
}
_TYPES = {"/rss": "application/rss+xml", "/atom": "application/atom+xml"}
_BOMB = (
    '<!DOCTYPE rss [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]>"
)


class Story(Struct, frozen=True):
    """One item; `moment` is in ms."""

    id: str
    moment: int
    title: str
    summary: str

    @property
    def time(self) -> datetime:
        """When it was published, to the second, as RSS and HTTP have it."""
        return datetime.fromtimestamp(self.moment // 1000, UTC)


def answer(exchange: "Exchange", request: Request) -> Answer:
    """Answer one call."""
    if request.path not in _TYPES:
        return Answer(404, b"not found", content_type="text/plain")
    tricks = exchange.faults.tricks
    if "moved" in tricks:
        there = f"http://127.0.0.1:{tricks['moved']:.0f}/news{request.path}"
        return Answer(301, b"", {"Location": there}, content_type="text/plain")
    told = stories(exchange)
    body = _spoiled(exchange, (_rss if request.path == "/rss" else _atom)(told).encode())
    headers = {"ETag": f'"{sha256(body).hexdigest()[:16]}"'}
    if told:
        headers["Last-Modified"] = format_datetime(told[0].time, usegmt=True)
    if _is_unchanged(request, headers):
        return Answer(304, b"", headers, content_type=_TYPES[request.path])
    return Answer(200, body, headers, content_type=f"{_TYPES[request.path]}; charset=utf-8")


# What is told


def stories(exchange: "Exchange") -> list[Story]:
    """Give the news of the last two hours, the newest first."""
    now, length = exchange.source.now(), LENGTHS[INTERVAL]
    first = now // length * length - _WINDOWS * length
    moves: dict[int, list[tuple[Decimal, Listing, Candle]]] = {}
    for listing in exchange.source.listings.values():
        for candle in listing.candles(INTERVAL, first):
            # Only what cannot change any more.
            if candle.time + length <= now and candle.open:
                change = Decimal(candle.close - candle.open) * 100 / candle.open
                moves.setdefault(candle.time, []).append((change, listing, candle))
    told = list(_extra(exchange, now))
    for time in sorted(moves, reverse=True):
        largest = sorted(moves[time], key=lambda move: (-abs(move[0]), move[1].symbol))
        told += [_story(*move, time + length) for move in largest[:_A_WINDOW]]
    return told


def _story(change: Decimal, listing: Listing, candle: Candle, moment: int) -> Story:
    begin, end = (f"{datetime.fromtimestamp(timestamp / 1000, UTC):%H:%M}" for timestamp in (
        candle.time, moment))  # fmt: skip
    verb = "rises" if change > 0 else "falls" if change < 0 else "stands still"
    name = _name(listing)
    return Story(
        f"simulated:{listing.symbol}:{moment}",
        moment,
        f"Simulated: {name} {verb} {abs(change):.2f} % to {plain(candle.close)}",
        f"Between {begin} and {end} UTC {name} traded from {plain(candle.low)} to "
        f"{plain(candle.high)}. This is no news of a real market.",
    )


def _extra(exchange: "Exchange", now: int) -> Iterator[Story]:
    listing = next(iter(exchange.source.listings.values()), None)
    for number in range(round(exchange.faults.tricks.get("extra", 0)), 0, -1):
        about = f" about {_name(listing)}" if listing else ""
        yield Story(f"simulated:extra:{number}", now, f"Simulated: extra {number}{about}", "")


def _name(listing: Listing) -> str:
    symbol, name = _NAMES.get(listing.symbol, (listing.base, listing.base))
    if is_currency(listing):
        return f"{listing.base}/{listing.quote}"
    return f"{name} ({symbol})" if is_coin(listing) or name != symbol else symbol


# How it is told


def _rss(told: Sequence[Story]) -> str:
    items = "".join(
        f"<item><title>{html.escape(story.title)}</title>"
        f'<guid isPermaLink="false">{html.escape(story.id)}</guid>'
        f"<pubDate>{format_datetime(story.time, usegmt=True)}</pubDate>"
        f"<description>{html.escape(story.summary)}</description></item>\n"
        for story in told
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>\n'
        "<title>Simulated news</title><link>https://example.com/</link>"
        f"<description>Of the built-in exchange</description>\n{items}</channel></rss>\n"
    )


def _atom(told: Sequence[Story]) -> str:
    entries = "".join(
        f"<entry><title>{html.escape(story.title)}</title><id>{html.escape(story.id)}</id>"
        f"<updated>{story.time.isoformat()}</updated>"
        f"<summary>{html.escape(story.summary)}</summary></entry>\n"
        for story in told
    )
    updated = told[0].time.isoformat() if told else "1970-01-01T00:00:00+00:00"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        "<title>Simulated news</title><id>simulated:news</id>"
        f"<updated>{updated}</updated>\n{entries}</feed>\n"
    )


def _spoiled(exchange: "Exchange", body: bytes) -> bytes:
    tricks = exchange.faults.tricks
    if "html" in tricks:
        markup = html.escape("<script>alert(1)</script><b onclick='x'>Simulated</b>: ")
        body = body.replace(b"Simulated: ", markup.encode())
    if "bomb" in tricks:
        head, _, rest = body.partition(b"\n")
        body = head + _BOMB.encode() + rest.replace(b"Simulated news", b"&j;")
    if "large" in tricks:
        body += b" " * max(0, round(tricks["large"]) - len(body))
    return body[: len(body) // 2] if "garbage" in tricks else body


def _is_unchanged(request: Request, headers: dict[str, str]) -> bool:
    """RFC 9110, 13.2.2: the tag decides where there is one, otherwise the time."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = [part.strip().removeprefix("W/") for part in tags.split(",")]
        return headers["ETag"] in known or "*" in known
    try:
        since = parsedate_to_datetime(request.headers["if-modified-since"])
        return parsedate_to_datetime(headers["Last-Modified"]) <= since
    except (LookupError, TypeError, ValueError):
        return False
