import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree as ET

import pytest

RSS, ATOM = "/news/rss", "/news/atom"
ATOM_NAME = "{http://www.w3.org/2005/Atom}"


def trick(running, name: str, **options: Any) -> None:  # type: ignore[no-untyped-def]
    """Start one of the provider's tricks."""
    running.fault("trick", venue="news", name=name, **options)


def test_items_are_of_the_market(running) -> None:
    """Items of the last two hours, the newest first, marked as simulated."""
    channel = ET.fromstring(running.get(RSS)).find("channel")
    items = channel.findall("item")
    times = [parsedate_to_datetime(item.findtext("pubDate")) for item in items]

    assert 24 == len(items)
    assert "Simulated news" == channel.findtext("title")
    assert all(item.findtext("title").startswith("Simulated: ") for item in items)
    assert all("no news of a real market" in item.findtext("description") for item in items)
    assert sorted(times, reverse=True) == times
    assert 0 <= (datetime.now(UTC) - times[0]).total_seconds() < 900 + 5
    assert len(items) == len({item.findtext("guid") for item in items})


def test_both_formats_have_the_same_items(running) -> None:
    """By their titles and ids."""
    items = ET.fromstring(running.get(RSS)).iter("item")
    entries = ET.fromstring(running.get(ATOM)).iter(f"{ATOM_NAME}entry")

    assert [(item.findtext("title"), item.findtext("guid")) for item in items] == [
        (entry.findtext(f"{ATOM_NAME}title"), entry.findtext(f"{ATOM_NAME}id")) for entry in entries
    ]


@pytest.mark.parametrize("path", [RSS, ATOM])
def test_an_unchanged_document_is_not_sent(running, path: str) -> None:
    """By its tag, or by its time without a tag."""
    _, body, headers = running.request(path)
    tag, changed = headers["ETag"], headers["Last-Modified"]

    def status(**asked: str) -> int:
        return running.request(path, **{name.replace("_", "-"): to for name, to in asked.items()})[
            0
        ]

    assert body
    assert 304 == status(If_None_Match=tag)
    assert 304 == status(If_None_Match=f'"x", W/{tag}')
    assert 304 == status(If_None_Match="*")
    assert 304 == status(If_Modified_Since=changed)
    assert 200 == status(If_None_Match='"x"', If_Modified_Since=changed)
    assert 200 == status(If_Modified_Since="Thu, 01 Jan 2026 00:00:00 GMT")
    assert 200 == status(If_Modified_Since="yesterday")
    assert b"" == running.request(path, **{"If-None-Match": tag})[1]


@pytest.mark.parametrize("path", ["/news", "/news/", "/news/rss/", "/news/RSS"])
def test_wrong_calls(running, path: str) -> None:
    """There are two documents."""
    assert 404 == running.request(path)[0]


def test_tricks(running) -> None:
    """Each changes the document in its own way."""
    tag = running.request(RSS)[2]["ETag"]
    trick(running, "extra", amount=2)
    assert b"Simulated: extra 2 about " in running.get(RSS)
    assert tag != running.request(RSS)[2]["ETag"]
    trick(running, "html")
    assert b"&lt;script&gt;" in running.get(RSS)
    trick(running, "bomb")
    assert b"<!ENTITY j" in running.get(ATOM)
    trick(running, "large", amount=100_000)
    assert 100_000 == len(running.get(RSS))
    trick(running, "garbage")
    with pytest.raises(ET.ParseError):
        ET.fromstring(running.get(RSS))
    running.clear()
    assert tag == running.request(RSS)[2]["ETag"]


def test_moved(running) -> None:
    """It redirects to itself without end."""
    trick(running, "moved", amount=running.port)
    before = running.get("/control")["venues"]["news"]["http_answers"]
    status = running.request(RSS)[0]

    assert 301 == status
    assert running.get("/control")["venues"]["news"]["http_answers"] > before + 1


@pytest.mark.parametrize("status", [429, 503])
def test_refused(running, status: int) -> None:
    """The fault `refuse` applies to this provider, too."""
    running.fault("refuse", venue="news", status=status, retry_after=7)
    fields, _, headers = running.request(RSS)

    assert (status, "7") == (fields, headers["Retry-After"])
    assert 200 == running.request("/api/v3/ping")[0]


def test_is_quick(running) -> None:
    """The market pauses while it answers."""
    began = time.thread_time()
    running.get(RSS)

    assert time.thread_time() - began < 3
