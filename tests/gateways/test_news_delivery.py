from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.news.item import NewsItem, NewsSource
from omcrm.gateways.news_delivery import NewsDelivery
from tests.values import START


class Listening:
    """Remembers the titles it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        assert framed is not None
        assert framed.endswith(payload)
        self.told.append(payload.decode())

    def lost(self) -> None:
        raise AssertionError


def item(title: str, *symbols: str) -> NewsItem:
    return NewsItem(
        id="0ef607010d7c2",
        source="test",
        publisher=None,
        title=title,
        summary="",
        url=None,
        image=None,
        published_at=START,
        received_at=START,
        symbols=symbols,
    )


def test_news_go_to_whom_they_concern() -> None:
    """Each item once, and only while it is read."""
    desk = NewsCollector((), 0.0, lambda: START)
    wire = NewsDelivery(desk, lambda item: item.title)
    one, other = Listening(), Listening()
    wire.watch(one, ["BTC", "ETH"])
    wire.watch(other, ["ETH"])
    desk._tell([item("both", "BTC", "ETH"), item("nobody", "SOL"), item("none")], is_news=True)
    wire.unwatch(one, ["ETH"])
    desk._tell([item("other", "ETH")], is_news=True)
    wire.leave(one)
    desk._tell([item("late", "BTC")], is_news=True)

    assert ["both"] == one.told
    assert ["both", "other"] == other.told


def test_without_sources_there_is_nothing_to_read() -> None:
    """With one, there may be."""

    def written(item: NewsItem) -> str:
        return item.title

    source = NewsSource("http://127.0.0.1:1/", "test")
    assert not NewsDelivery(NewsCollector((), 0.0, lambda: START), written).is_served
    assert NewsDelivery(NewsCollector((source,), 60.0, lambda: START), written).is_served
