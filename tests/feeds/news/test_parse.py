"""Every answer of a source becomes plain items, or a problem.

Long for a reason: there is a test for each way in which a feed can be malformed.
"""

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from omcrm.feeds.news.parse import NewsBatch, parse
from omcrm.feeds.news.source_list import LARGEST_FEED
from omcrm.market.news_item import NewsItem
from tests.feeds.news.feeds import ATOM, NOW, RDF, RSS, SOURCE, rss, titled

BOMB = b"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha">%s]>
<rss><channel><item><title>&j;</title></item></channel></rss>""" % b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
)
EXTERNAL = b"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<rss><channel><item><title>&x;</title></item></channel></rss>"""


def read(body: bytes) -> NewsBatch:
    return parse(body, SOURCE, NOW)


def only(body: bytes) -> NewsItem:
    (item,) = read(body).items
    return item


# Formats


def test_rss_2() -> None:
    """Text is plain, links are clean, times are UTC, and missing fields are empty."""
    first, second = read(RSS).items

    assert (
        "Apple's profit rises 5 %",
        "More than expected. Really.",
        "https://news.example.com/a/1?id=7",
        "https://img.example.com/1.jpg",
        "news.example.com",
        "Example & Sons",
    ) == (first.title, first.summary, first.url, first.image, first.source, first.publisher)
    assert datetime(2026, 3, 4, 13, 30, tzinfo=UTC) == first.published_at
    assert ("Without a title", "") == (second.title, second.summary)
    assert "https://news.example.com/a/2" == second.url
    assert "https://news.example.com/img/2.png" == second.image
    assert datetime(2026, 3, 4, 14, 0, tzinfo=UTC) == second.published_at
    assert read(RSS).problem is None


def test_rss_1() -> None:
    """Its items are beside the channel, and its encoding is used."""
    item = only(RDF)

    assert ("L'été", "Chaud", "https://rdf.example.com/1") == (item.title, item.summary, item.url)
    assert "Bourse à Paris" == item.publisher
    assert datetime(2026, 3, 4, 14, 0, tzinfo=UTC) == item.published_at


def test_atom() -> None:
    """Of several links the alternate one is used, of two times that of publication."""
    first, second = read(ATOM).items

    assert ("Rates & more", "One two") == (first.title, first.summary)
    assert "https://atom.example.com/1" == first.url
    assert "https://atom.example.com/1.jpg" == first.image
    assert datetime(2026, 3, 4, 13, 0, 0, 250_000, tzinfo=UTC) == first.published_at
    assert ("Short", "Atomic") == (second.summary, second.publisher)
    assert datetime(2026, 3, 4, 11, 0, tzinfo=UTC) == second.published_at


def test_identity_is_the_id_or_the_link() -> None:
    """The same id is the same item whatever else has changed; a URL identifies it everywhere."""
    link = "<link>https://a.example.com/x/?utm_source=1#top</link>"
    plain_link = "<link>http://a.example.com/x</link>"

    assert only(titled("A", "<guid>7</guid>")).id == only(titled("B", "<guid>7</guid>")).id
    assert only(titled("A", link)).id == only(titled("B", plain_link)).id
    assert only(titled("A")).id != only(titled("B")).id
    assert only(titled("A", "<guid>7</guid>")).id != only(titled("A", "<guid>8</guid>")).id
    assert 0 < only(titled("A")).number < 2**52
    assert 1 == len(read(rss(*["<item><title>A</title><guid>7</guid></item>"] * 2)).items)


def test_the_same_id_elsewhere_is_another_item() -> None:
    """Ids that are no URLs are unique within a source only."""
    other = type(SOURCE)("https://other.example.com/", "other.example.com")
    body = titled("A", "<guid>7</guid>")

    assert only(body).id != parse(body, other, NOW).items[0].id


def test_what_comes_before_a_mistake_is_kept() -> None:
    """The items before a cut are read, and the problem is reported."""
    batch = read(RSS[: RSS.index(b"</item>") + 20])

    assert ["Apple's profit rises 5 %"] == [item.title for item in batch.items][:1]
    assert (batch.problem or "").startswith("not well-formed")


def test_pauses_after_each_item() -> None:
    """`pause` is called after each item, and before while they are read."""
    pauses: list[None] = []
    parse(RSS, SOURCE, NOW, lambda: pauses.append(None))

    assert 2 < len(pauses)


# Rejected documents


@pytest.mark.parametrize("body", [BOMB, EXTERNAL, b"<!DOCTYPE html><html></html>"])
def test_no_entity_is_expanded(body: bytes) -> None:
    """A document type is rejected, and with it every internal or external entity."""
    began = time.thread_time()
    batch = read(body)

    assert ((), "it has a document type, which feeds need not have") == (batch.items, batch.problem)
    assert time.thread_time() - began < 5


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "neither RSS nor Atom"),
        (b"garbage", "not well-formed"),
        (b"\0" * 100, "neither RSS nor Atom"),
        (b'{"items": []}', "not well-formed"),
        (b"<html><body/></html>", "neither RSS nor Atom"),
        (b"<html><item><title>a</title></item></html>", "neither RSS nor Atom"),
        (b"<rss>" + b"<a>" * 100_000, "nested too deeply"),
        (b"x" * (LARGEST_FEED + 1), f"more than {LARGEST_FEED} bytes"),
        (b"<rss><channel><item><title>&nosuch;</title></item></channel></rss>", "undefined entity"),
    ],
)
def test_the_problem_is_named(body: bytes, words: str) -> None:
    """No exception is raised; the problem has a bounded length."""
    batch = read(body)

    assert () == batch.items
    assert words in (batch.problem or "")
    assert len(batch.problem or "") < 200


@pytest.mark.parametrize(
    "body",
    [
        titled("x" * 1_000_000),
        titled("&amp;" * 200_000),
        titled(f"<![CDATA[{'<' * 1_000_000}]]>"),
        titled(f"<![CDATA[{'<script ' * 125_000}]]>"),
        titled("t", *["<guid>x</guid>"] * 70_000),
        rss(*[f"<item><title>{n}</title></item>" for n in range(30_000)]),
        rss(*[f"<item><title>t{n}</title><description>{'<![CDATA[<!-- <b ]]>' * 250}</description>"
              "</item>" for n in range(200)]),
    ],
)  # fmt: skip
def test_a_megabyte(body: bytes) -> None:
    """A large or contrived document is read quickly into a bounded number of short items."""
    began = time.thread_time()
    batch = read(body)

    assert time.thread_time() - began < 30
    assert len(batch.items) <= 200
    assert all(len(item.title) <= 300 and len(item.summary) <= 1000 for item in batch.items)


# Encodings


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("\ufeff<rss><channel><item><title>é€</title></item></channel></rss>".encode(), "é€"),
        (b"\n  <?xml version='1.0'?>" + titled("é"), "é"),
        (b"<?xml version='1.0' encoding='utf-16'?>" + titled("é"), "é"),
        (b"<?xml version='1.0' encoding='no-such'?>" + titled("é"), "é"),
        (b"<?xml version='1.0' encoding='unicode_escape'?>" + titled("\\u0041é"), "\\u0041é"),
        (b"<?xml version='1.0'?>" + titled("x").replace(b"x", b"\xe9t\xe9"), "été"),
        (titled("x").replace(b"x", b"\x93so\x94"), "“so”"),
        (titled("üöäx").replace(b"x", b"\xff"), "üöä\ufffd"),
        (b"<?xml version='1.0' encoding='windows-1251'?>" + titled("x").replace(
            b"x", "Рубль".encode("cp1251")), "Рубль"),
        ("<?xml version='1.0' encoding='utf-16'?><rss><channel><item><title>é</title></item>"
         "</channel></rss>".encode("utf-16"), "é"),
        ("<rss><channel><item><title>é</title></item></channel></rss>".encode("utf-16-be"), "é"),
        (titled("a\x01b\x0bc&#0;&#x1f;d&#55555;"), "abcd"),
        (titled("1&nbsp;%&hellip;&eacute;"), "1 %…é"),
    ],
)  # fmt: skip
def test_wrong_encodings(body: bytes, title: str) -> None:
    """A declared encoding is used only where the bytes agree."""
    assert title == only(body).title


# Texts, links and times


@pytest.mark.parametrize(
    "title",
    [
        "&lt;script&gt;alert(1)&lt;/script&gt;Rates",
        "<![CDATA[<script>alert(1)</script>Rates]]>",
        "<![CDATA[<img src=x onerror=alert(1)>Rates]]>",
        "<script>alert(1)</script>Rates",
        "&amp;lt;b&amp;gt;Rates&amp;lt;/b&amp;gt;",
        "<![CDATA[<scr<b>ipt>Rates]]>",
        "&lt;&lt;b&gt;b&gt;Rates",
    ],
)
def test_no_markup_is_passed_on(title: str) -> None:
    """The title has no tags, nor text that becomes one when it is decoded again."""
    batch = only(titled(title)).title

    assert batch.endswith("Rates")
    assert "<" not in batch


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://a.example.com/",
        "https://",
        "//",
        "http://[",
    ],
)
def test_links_lead_to_the_web(link: str) -> None:
    """Other links are removed."""
    media = f'<content xmlns="http://search.yahoo.com/mrss/" url="{link}" medium="image"/>'
    item = only(titled("A", f"<link>{link}</link>", media))

    assert (None, None) == (item.url, item.image)


def test_no_secret_of_the_source_is_passed_on() -> None:
    """A relative link is resolved against the source's host, without its query."""
    links = ("", "#x", "?a=b", "a", "/a")
    items = [only(titled("A", f"<link>{link}</link>")) for link in links]

    assert "a-secret" not in repr(items)
    assert "https://news.example.com/a" == items[-1].url


@pytest.mark.parametrize("text", ["", "soon", "Wed, 04 Mar 2026 15:30:00", "2030-01-01T00:00:00Z"])
def test_absurd_times_are_unknown(text: str) -> None:
    """The item is kept, with the time of its receipt."""
    item = only(titled("A", f"<pubDate>{text}</pubDate>"))

    assert None is item.published_at
    assert NOW == item.at


# Fuzz


@dataclass
class Mutation:
    """Makes mutations of sample bodies."""

    chance: random.Random

    def of(self, sample: bytes) -> bytes:
        way = self.chance.choice((self._bytes, self._bytes, self._cut, self._doubled, self._words))
        return way(bytearray(sample))

    def _bytes(self, body: bytearray) -> bytes:
        for _ in range(self.chance.randint(1, 6)):
            at = self.chance.randrange(len(body))
            body[at : at + self.chance.randint(0, 3)] = self.chance.randbytes(
                self.chance.randint(0, 3)
            )
        return bytes(body)

    def _cut(self, body: bytearray) -> bytes:
        begin, end = sorted(self.chance.randrange(len(body) + 1) for _ in range(2))
        return bytes(body[:begin] + body[end:])

    def _doubled(self, body: bytearray) -> bytes:
        begin, end = sorted(self.chance.randrange(len(body) + 1) for _ in range(2))
        return bytes(body[:end] + body[begin:])

    def _words(self, body: bytearray) -> bytes:
        at = self.chance.randrange(len(body))
        return bytes(body[:at] + self.chance.choice(WORDS) + body[at:])


WORDS = (
    b"<!DOCTYPE a>", b"&a;", b"&#0;", b"&#xd800;", b"&amp;#" + b"9" * 5000 + b";", b"<![CDATA[",
    b"]]>", b"<!--", b"<?x?>", b"\0", b"\xff\xfe", b"<a:b>", b"<item>", b"</item>", b"<title/>",
    b"http://[::1", b"https://a:99999/", b"https://\xc3\xa9.example.com/", b"2026-99-99T00:00Z",
    b"Wed, 99 Foo 9999999999 99:99:99 +9999", b"\xe2\x80\xae", b"http://a@b/", b"x" * 3000,
    b"<links a='b'/>", b"<content a='b'/>", b"<media_thumbnail a='b'/>", b"<media_content a='b'/>",
)  # fmt: skip


def test_no_bytes_make_it_raise_or_invent(tries: int) -> None:
    """For every body, items are plain, short, not in the future, and link to the web only."""
    mutation, read_well = Mutation(random.Random("news")), 0
    for number in range(tries):
        body = mutation.of((RSS, RDF, ATOM)[number % 3])
        batch = read(body)
        read_well += bool(batch.items)
        for item in batch.items:
            assert_plain(item, body)

    assert read_well > tries / 10


def assert_plain(item: NewsItem, body: bytes) -> None:
    texts = (item.title, item.summary, item.publisher or "")
    assert item.title, body
    assert all(text.replace("\u200c", "").replace("\u200d", "").isprintable() for text in texts)
    assert not any(f"<{sign}" in text.lower() for text in texts for sign in "abcsdefgimp/!?"), body
    assert all(len(text) <= most for text, most in zip(texts, (300, 1000, 100), strict=True))
    for link in filter(None, (item.url, item.image)):
        assert urlsplit(link).scheme in ("http", "https"), body
        assert link.isascii()
        assert not set("\"'<> \\") & set(link), body
        assert len(link) <= 2000
    assert item.published_at is None or item.published_at.tzinfo is UTC
    assert item.at <= NOW
