"""Reads documents, before items are made of their entries."""

from collections.abc import Mapping
from typing import Any

import pytest

from omcrm.feeds.news.document import MOST_ITEMS, Document, MalformedFeed, decoded, parts, text
from tests.feeds.news.feeds import RSS, rss


def entries(body: bytes) -> list[Mapping[str, Any]]:
    document = Document()
    document.read(body)
    return document.entries


def test_only_the_item_s_own_elements_count() -> None:
    """Elements of other namespaces, or nested deeper, are not the item's; the first one counts."""
    body = rss(
        '<item xmlns:o="urn:other"><o:title>no</o:title><source><title>no</title></source>'
        "<title> yes </title><title>second</title></item>"
    )

    assert ["yes"] == [entry["title"] for entry in entries(body)]


def test_the_feed_s_own_title() -> None:
    """The logo's title is not the feed's."""
    document = Document()
    document.read(RSS)

    assert "Example & Sons" == document.title


def test_only_parts_of_the_expected_kind_count() -> None:
    """An unknown element may have the name that feedparser gives to something else."""
    (entry,) = entries(rss('<item><title>a</title><links b="c"/></item>'))

    assert ("a", "", []) == (text(entry, "title"), text(entry, "links"), parts(entry, "links"))
    assert "" == text(entry, "no such")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("<a>" * 20_000, "nested too deeply"),
        ("".join(f'<a xmlns:n{number}="urn:{number}"/>' for number in range(1000)), "too many"),
        ("<title>" + " <!---->" * 60_000 + "</title>", "too many"),
    ],
)
def test_what_would_take_long_is_not_read(part: str, words: str) -> None:
    """The items before it are kept."""
    document = Document()
    with pytest.raises(MalformedFeed, match=words):
        document.read(rss("<item><title>a</title></item>", f"<item>{part}</item>"))

    assert "a" == document.entries[0]["title"]


def test_reading_pauses() -> None:
    """Others can run while a long document is read."""
    pauses: list[None] = []
    Document().read(rss(*["<item><title>x</title></item>"] * 1000), lambda: pauses.append(None))

    assert pauses


def test_reading_ends_with_the_most_items() -> None:
    """Nothing after them is read, not even a malformed end."""
    items = ["<item><title>x</title></item>"] * (MOST_ITEMS + 1)
    document = Document()
    document.read(rss(*items, "</oops>"))

    assert MOST_ITEMS == len(document.entries)


def test_a_mistake_leaves_what_was_read() -> None:
    """The items before the mistake are kept."""
    document = Document()
    with pytest.raises(MalformedFeed, match="not well-formed"):
        document.read(b"<rss><channel><item><title>a</title></item><item></rss>")

    assert "a" == document.entries[0]["title"]


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("&eacute;&amp;&lt;", "&#233;&amp;&lt;"),
        ("&nosuch;", "&nosuch;"),
        ("&#65;&#x41;", "&#65;&#x41;"),
        ("&#0;&#xFFFFFFFF;&#xD800;", ""),
        ("&#9999999999;", ""),
    ],
)
def test_references(body: str, read: str) -> None:
    """HTML's named references become numeric, and invalid characters are removed."""
    assert read == decoded(body.encode())
