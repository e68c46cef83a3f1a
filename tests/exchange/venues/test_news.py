import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

RSS, ATOM = "/news/rss", "/news/atom"
ATOM_NAME = "{http://www.w3.org/2005/Atom}"


def trick(market, name: str, **options: Any) -> None:  # type: ignore[no-untyped-def]
    """Let the venue play a trick."""
    market.fault("trick", venue="news", name=name, **options)


def test_tells_of_the_market(market) -> None:
    """Items of the last two hours, the newest first, that say what they are."""
    channel = ET.fromstring(market.get(RSS)).find("channel")
    items = channel.findall("item")
    times = [parsedate_to_datetime(item.findtext("pubDate")) for item in items]

    assert 24 == len(items)
    assert "Simulated news" == channel.findtext("title")
    assert all(item.findtext("title").startswith("Simulated: ") for item in items)
    assert all("no news of a real market" in item.findtext("description") for item in items)
    assert sorted(times, reverse=True) == times
    assert 0 <= (datetime.now(UTC) - times[0]).total_seconds() < 900 + 5
    assert len(items) == len({item.findtext("guid") for item in items})


def test_both_formats_hold_the_same(market) -> None:
    """By their titles and ids."""
    items = ET.fromstring(market.get(RSS)).iter("item")
    entries = ET.fromstring(market.get(ATOM)).iter(f"{ATOM_NAME}entry")

    assert [(item.findtext("title"), item.findtext("guid")) for item in items] == [
        (entry.findtext(f"{ATOM_NAME}title"), entry.findtext(f"{ATOM_NAME}id")) for entry in entries
    ]


@pytest.mark.parametrize("path", [RSS, ATOM])
def test_what_is_known_is_not_sent(market, path: str) -> None:
    """By its tag, or by its time where no tag is given."""
    _, body, headers = market.request(path)
    tag, changed = headers["ETag"], headers["Last-Modified"]

    def status(**asked: str) -> int:
        return market.request(path, **{name.replace("_", "-"): to for name, to in asked.items()})[0]

    assert body
    assert 304 == status(If_None_Match=tag)
    assert 304 == status(If_None_Match=f'"x", W/{tag}')
    assert 304 == status(If_None_Match="*")
    assert 304 == status(If_Modified_Since=changed)
    assert 200 == status(If_None_Match='"x"', If_Modified_Since=changed)
    assert 200 == status(If_Modified_Since="Thu, 01 Jan 2026 00:00:00 GMT")
    assert 200 == status(If_Modified_Since="yesterday")
    assert b"" == market.request(path, **{"If-None-Match": tag})[1]


@pytest.mark.parametrize("path", ["/news", "/news/", "/news/rss/", "/news/RSS"])
def test_wrong_calls(market, path: str) -> None:
    """There are two documents."""
    assert 404 == market.request(path)[0]


def test_tricks(market) -> None:
    """Each spoils the document in its own way."""
    tag = market.request(RSS)[2]["ETag"]
    trick(market, "extra", amount=2)
    assert b"Simulated: extra 2 about " in market.get(RSS)
    assert tag != market.request(RSS)[2]["ETag"]
    trick(market, "html")
    assert b"&lt;script&gt;" in market.get(RSS)
    trick(market, "bomb")
    assert b"<!ENTITY j" in market.get(ATOM)
    trick(market, "large", amount=100_000)
    assert 100_000 == len(market.get(RSS))
    trick(market, "garbage")
    with pytest.raises(ET.ParseError):
        ET.fromstring(market.get(RSS))
    market.clear()
    assert tag == market.request(RSS)[2]["ETag"]


def test_moved(market) -> None:
    """It says that the feed is elsewhere; who follows comes back again and again."""
    trick(market, "moved", amount=market.port)
    before = market.get("/control")["venues"]["news"]["http_answers"]
    status = market.request(RSS)[0]

    assert 301 == status
    assert market.get("/control")["venues"]["news"]["http_answers"] > before + 1


@pytest.mark.parametrize("status", [429, 503])
def test_refused(market, status: int) -> None:
    """The fault that refuses is for this venue too."""
    market.fault("refuse", venue="news", status=status, retry_after=7)
    told, _, headers = market.request(RSS)

    assert (status, "7") == (told, headers["Retry-After"])
    assert 200 == market.request("/api/v3/ping")[0]


def test_is_quick(market) -> None:
    """The market waits while it answers."""
    began = time.thread_time()
    market.get(RSS)

    assert time.thread_time() - began < 3
