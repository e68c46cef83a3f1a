"""Reads documents into drafts, before items are made of them."""

import pytest

from omcrm.feeds.news.document import MOST_ITEMS, Document, MalformedFeed, decoded
from tests.feeds.news.feeds import RSS, rss


def drafts(body: bytes) -> list[dict[str, str]]:
    document = Document()
    document.read(body)
    return [draft.texts for draft in document.drafts]


def test_only_the_item_s_own_elements_count() -> None:
    """Elements of other namespaces, or nested deeper, are not the item's."""
    body = rss(
        '<item xmlns:o="urn:other"><o:title>no</o:title><source><title>no</title></source>'
        "<title> yes </title><title>second</title></item>"
    )

    assert [{"title": "yes"}] == drafts(body)


def test_the_feed_s_own_title() -> None:
    """The logo's title is not the feed's."""
    document = Document()
    document.read(RSS)

    assert "Example & Sons" == document.title


def test_reading_ends_with_the_most_items() -> None:
    """Nothing after them is read, not even a malformed end."""
    items = ["<item><title>x</title></item>"] * (MOST_ITEMS + 1)
    document = Document()
    document.read(rss(*items, "</oops>"))

    assert MOST_ITEMS == len(document.drafts)


def test_a_mistake_leaves_what_was_read() -> None:
    """The items before the mistake are kept."""
    document = Document()
    with pytest.raises(MalformedFeed, match="not well-formed"):
        document.read(b"<rss><channel><item><title>a</title></item><item></rss>")

    assert {"title": "a"} == document.drafts[0].texts


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("&eacute;&amp;&lt;", "&#233;&amp;&lt;"),
        ("&nosuch;", "&nosuch;"),
        ("&#65;&#x41;", "&#65;&#x41;"),
        ("&#0;&#xFFFFFFFF;&#xD800;", ""),
        ("&#9999999999;", ""),
    ],
)
def test_references(text: str, read: str) -> None:
    """HTML's named references become numeric, and invalid characters are removed."""
    assert read == decoded(text.encode())
