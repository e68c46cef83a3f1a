"""News of the simulated market, as RSS 2.0 and as Atom.

https://www.rssboard.org/rss-specification, https://www.rfc-editor.org/rfc/rfc4287

Every quarter of an hour has items on the symbols that moved most in it; their titles begin with
`Simulated:`. Both documents have the same items; `ETag` and `Last-Modified` are those of the
newest. Tricks: `extra` adds `amount` current items, `garbage` truncates the document, `html` puts
markup into the titles, `bomb` declares entities that expand without end, `large` makes the document
`amount` bytes long, `moved` redirects to port `amount` of this machine.
"""

import html
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct

from omcrm.market.catalogue import CATALOGUE
from simulator.http import HttpAnswer, HttpRequest
from simulator.interval import LENGTHS
from simulator.listing import Listing
from simulator.protocol import ProviderProtocol
from simulator.providers.spelling import is_coin, is_currency
from simulator.providers.text import plain
from simulator.simulated_bar import SimulatedBar

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

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


class SimulatedStory(Struct, frozen=True):
    """One item; `moment` is in ms."""

    id: str
    moment: int
    title: str
    summary: str

    @property
    def time(self) -> datetime:
        """The time of publication, to the second, as RSS and HTTP have it."""
        return datetime.fromtimestamp(self.moment // 1000, UTC)


def answer(server: "ProviderServer", request: HttpRequest) -> HttpAnswer:
    """Answer one call."""
    if request.path not in _TYPES:
        return HttpAnswer(404, b"not found", content_type="text/plain")
    tricks = server.faults.tricks
    if "moved" in tricks:
        there = f"http://127.0.0.1:{tricks['moved']:.0f}/news{request.path}"
        return HttpAnswer(301, b"", {"Location": there}, content_type="text/plain")
    published = stories(server)
    body = _altered(server, (_rss if request.path == "/rss" else _atom)(published).encode())
    headers = {"ETag": f'"{sha256(body).hexdigest()[:16]}"'}
    if published:
        headers["Last-Modified"] = format_datetime(published[0].time, usegmt=True)
    if _is_unchanged(request, headers):
        return HttpAnswer(304, b"", headers, content_type=_TYPES[request.path])
    return HttpAnswer(200, body, headers, content_type=f"{_TYPES[request.path]}; charset=utf-8")


# The items


def stories(server: "ProviderServer") -> list[SimulatedStory]:
    """Return the news of the last two hours, the newest first."""
    now, length = server.source.now(), LENGTHS[INTERVAL]
    first = now // length * length - _WINDOWS * length
    moves: dict[int, list[tuple[Decimal, Listing, SimulatedBar]]] = {}
    for listing in server.source.listings.values():
        for bar in listing.bars(INTERVAL, first):
            # Only closed bars.
            if bar.time + length <= now and bar.open:
                change = Decimal(bar.close - bar.open) * 100 / bar.open
                moves.setdefault(bar.time, []).append((change, listing, bar))
    published = list(_extra(server, now))
    for time in sorted(moves, reverse=True):
        largest = sorted(moves[time], key=lambda move: (-abs(move[0]), move[1].symbol))
        published += [_story(*move, time + length) for move in largest[:_A_WINDOW]]
    return published


def _story(change: Decimal, listing: Listing, bar: SimulatedBar, moment: int) -> SimulatedStory:
    begin, end = (f"{datetime.fromtimestamp(timestamp / 1000, UTC):%H:%M}" for timestamp in (
        bar.time, moment))  # fmt: skip
    verb = "rises" if change > 0 else "falls" if change < 0 else "stands still"
    name = _name(listing)
    return SimulatedStory(
        f"simulated:{listing.symbol}:{moment}",
        moment,
        f"Simulated: {name} {verb} {abs(change):.2f} % to {plain(bar.close)}",
        f"Between {begin} and {end} UTC {name} traded from {plain(bar.low)} to "
        f"{plain(bar.high)}. This is no news of a real market.",
    )


def _extra(server: "ProviderServer", now: int) -> Iterator[SimulatedStory]:
    listing = next(iter(server.source.listings.values()), None)
    for number in range(round(server.faults.tricks.get("extra", 0)), 0, -1):
        about = f" about {_name(listing)}" if listing else ""
        yield SimulatedStory(
            f"simulated:extra:{number}", now, f"Simulated: extra {number}{about}", ""
        )


def _name(listing: Listing) -> str:
    symbol, name = _NAMES.get(listing.symbol, (listing.base, listing.base))
    if is_currency(listing):
        return f"{listing.base}/{listing.quote}"
    return f"{name} ({symbol})" if is_coin(listing) or name != symbol else symbol


# The documents


def _rss(published: Sequence[SimulatedStory]) -> str:
    items = "".join(
        f"<item><title>{html.escape(story.title)}</title>"
        f'<guid isPermaLink="false">{html.escape(story.id)}</guid>'
        f"<pubDate>{format_datetime(story.time, usegmt=True)}</pubDate>"
        f"<description>{html.escape(story.summary)}</description></item>\n"
        for story in published
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>\n'
        "<title>Simulated news</title><link>https://example.com/</link>"
        f"<description>Of the built-in exchange</description>\n{items}</channel></rss>\n"
    )


def _atom(published: Sequence[SimulatedStory]) -> str:
    entries = "".join(
        f"<entry><title>{html.escape(story.title)}</title><id>{html.escape(story.id)}</id>"
        f"<updated>{story.time.isoformat()}</updated>"
        f"<summary>{html.escape(story.summary)}</summary></entry>\n"
        for story in published
    )
    updated = published[0].time.isoformat() if published else "1970-01-01T00:00:00+00:00"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        "<title>Simulated news</title><id>simulated:news</id>"
        f"<updated>{updated}</updated>\n{entries}</feed>\n"
    )


def _altered(server: "ProviderServer", body: bytes) -> bytes:
    tricks = server.faults.tricks
    if "html" in tricks:
        markup = html.escape("<script>alert(1)</script><b onclick='x'>Simulated</b>: ")
        body = body.replace(b"Simulated: ", markup.encode())
    if "bomb" in tricks:
        head, _, rest = body.partition(b"\n")
        body = head + _BOMB.encode() + rest.replace(b"Simulated news", b"&j;")
    if "large" in tricks:
        body += b" " * max(0, round(tricks["large"]) - len(body))
    return body[: len(body) // 2] if "garbage" in tricks else body


def _is_unchanged(request: HttpRequest, headers: dict[str, str]) -> bool:
    """RFC 9110, 13.2.2: the tag decides where there is one, otherwise the time."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return headers["ETag"] in known or "*" in known
    try:
        since = parsedate_to_datetime(request.headers["if-modified-since"])
        return parsedate_to_datetime(headers["Last-Modified"]) <= since
    except (LookupError, TypeError, ValueError):
        return False


VENUE = ProviderProtocol(answer=answer)
