"""Sample feeds, and helpers of the news tests."""

from datetime import UTC, datetime

from omcrm.feeds.news.source_list import NewsSource
from omcrm.market.news_item import NewsItem

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
SOURCE = NewsSource("https://news.example.com/feeds/rss?token=a-secret", "news.example.com")

RSS = b"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom"
  xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">
<channel>
  <title>Example &amp; Sons</title>
  <atom:link href="https://news.example.com/feeds/rss" rel="self"/>
  <image><title>Logo</title><url>https://news.example.com/logo.png</url></image>
  <item>
    <title><![CDATA[Apple's <b>profit</b> rises 5&nbsp;%]]></title>
    <itunes:title>Not this one</itunes:title>
    <atom:link href="https://news.example.com/self" rel="self"/>
    <link>https://news.example.com/a/1?id=7&amp;utm_source=rss&amp;UTM_Medium=x</link>
    <guid isPermaLink="false">story-1</guid>
    <pubDate>Wed, 04 Mar 2026 15:30:00 +0200</pubDate>
    <description>&lt;p&gt;More than &lt;i&gt;expected&lt;/i&gt;.&lt;/p&gt;Really.</description>
    <media:group><media:thumbnail url="https://img.example.com/1.jpg"/></media:group>
  </item>
  <item>
    <guid>https://news.example.com/a/2</guid>
    <description>Without a title</description>
    <dc:date>2026-03-04T09:00:00-05:00</dc:date>
    <enclosure url="/img/2.png" type="image/png" length="1"/>
  </item>
</channel>
</rss>"""

RDF = b"""<?xml version="1.0" encoding="ISO-8859-1"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://rdf.example.com/"><title>Bourse \xe0 Paris</title></channel>
<item rdf:about="https://rdf.example.com/1">
  <title>L'\xe9t\xe9</title><link>https://rdf.example.com/1</link>
  <description>Chaud</description><dc:date>2026-03-04T14:00Z</dc:date>
</item>
</rdf:RDF>"""

ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title type="text">Atomic</title>
  <entry>
    <id>urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a</id>
    <title type="html">Rates &amp;amp; &lt;em&gt;more&lt;/em&gt;</title>
    <link rel="replies" href="https://atom.example.com/1/replies"/>
    <link rel="alternate" href="https://atom.example.com/1"/>
    <link rel="enclosure" type="image/jpeg" href="https://atom.example.com/1.jpg"/>
    <published>2026-03-04T13:00:00.25Z</published>
    <updated>2026-03-04T14:00:00Z</updated>
    <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One</p><p>two</p></div>
    </content>
  </entry>
  <entry>
    <id>https://atom.example.com/2</id><title>Second</title><link href="https://atom.example.com/2"/>
    <updated>2026-03-04T12:00:00+01:00</updated><summary>Short</summary><content>Long</content>
  </entry>
</feed>"""


def rss(*items: str) -> bytes:
    """An RSS document of these items."""
    return f"<rss><channel><title>T</title>{''.join(items)}</channel></rss>".encode()


def titled(title: str, *more: str) -> bytes:
    """An RSS document of one item with this title, which is already escaped."""
    return rss(f"<item><title>{title}</title>{''.join(more)}</item>")


def news_item(title: str, **facts: object) -> NewsItem:
    """An item of a source."""
    known = {
        "id": f"{abs(hash(title)) % 16**13:013x}",
        "source": "one",
        "publisher": None,
        "title": title,
        "summary": "",
        "url": None,
        "image": None,
        "published_at": NOW,
        "received_at": NOW,
    }
    return NewsItem(**(known | facts))  # type: ignore[arg-type]
