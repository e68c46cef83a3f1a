"""Parses times in feeds: RFC 822 in RSS, RFC 3339 in Atom, and deviations from both."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from omcrm.feeds.provider import BAD_FRAME
from omcrm.market.parsing import from_iso

_LONGEST = 64
# Nothing on the web is older.
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
# Clocks differ, and some publish ahead.
_AHEAD = timedelta(hours=1)
# RFC 822 defines American zones only; each of these has one meaning in the news.
_ZONES = {
    "BST": "+0100",
    "CET": "+0100",
    "CEST": "+0200",
    "EET": "+0200",
    "EEST": "+0300",
    "HKT": "+0800",
    "JST": "+0900",
    "SGT": "+0800",
    "AEST": "+1000",
    "AEDT": "+1100",
}
_LAST_WORD = re.compile(r"[A-Za-z]+$")
# RFC 5322: the time is UTC, the zone of the writer is unknown.
_UTC_OF_UNKNOWN_ZONE = "-0000"


def moment(text: str, now: datetime) -> datetime | None:
    """The time in `text`, in UTC; None where it cannot be read, has no zone or is implausible."""
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return None
    for read in (from_iso, _rfc_822):
        try:
            at = read(text)
            return at if _EARLIEST <= at <= now + _AHEAD else None
        except BAD_FRAME:
            continue
    return None


def _rfc_822(text: str) -> datetime:
    named = _LAST_WORD.sub(lambda word: _ZONES.get(word[0].upper(), word[0]), text)
    at = parsedate_to_datetime(named)
    if at.tzinfo is None:
        if not named.endswith(_UTC_OF_UNKNOWN_ZONE):
            raise ValueError("a time without a zone")
        return at.replace(tzinfo=UTC)
    return at.astimezone(UTC)
