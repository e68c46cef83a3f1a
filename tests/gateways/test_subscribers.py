from omcrm.feeds.news.collector import NewsCollector
from omcrm.feeds.news.source_list import NewsSource
from omcrm.gateways.subscribers import NewsDelivery, SymbolSubscribers
from omcrm.market.news_item import NewsItem
from tests.values import START


class UnusedSubscriber:
    """Fails where anything is sent to it."""

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        raise AssertionError

    def lost(self) -> None:
        raise AssertionError


def test_subscribers_of_symbols() -> None:
    """Each once, whatever number of the symbols it is subscribed to, in order of subscription."""
    one, other, subscribers = UnusedSubscriber(), UnusedSubscriber(), SymbolSubscribers()
    subscribers.add(one, ["BTC", "ETH"])
    subscribers.add(other, ["BTC"])

    assert [one, other] == subscribers.of(["BTC", "ETH", "SOL"])
    assert [one] == subscribers.of(["ETH"])
    assert [one, other] == subscribers.all_subscribers()
    assert ["BTC", "ETH"] == subscribers.symbols(one)
    assert "BTC" in subscribers
    assert "SOL" not in subscribers


def test_symbols_without_subscribers_are_returned_and_removed() -> None:
    """They are returned once; removing a missing symbol does nothing."""
    one, other, subscribers = UnusedSubscriber(), UnusedSubscriber(), SymbolSubscribers()
    subscribers.add(one, ["BTC", "ETH"])
    subscribers.add(other, ["BTC"])

    assert ["ETH"] == subscribers.remove(one, ["BTC", "ETH", "SOL"])
    assert [] == subscribers.remove(one, ["BTC"])
    assert subscribers
    assert ["BTC"] == subscribers.remove(other, ["BTC"])
    assert not subscribers


# News


class RecordingSubscriber:
    """Records the titles it receives."""

    def __init__(self) -> None:
        self.received: list[str] = []

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        assert framed is not None
        assert framed.endswith(payload)
        self.received.append(payload.decode())

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


def test_news_go_to_the_subscribers_of_their_symbols() -> None:
    """Each item once, and only while subscribed."""
    collector = NewsCollector((), 0.0, lambda: START)
    delivery = NewsDelivery(collector, lambda item: item.title)
    one, other = RecordingSubscriber(), RecordingSubscriber()
    delivery.subscribe(one, ["BTC", "ETH"])
    delivery.subscribe(other, ["ETH"])
    collector._notify([item("both", "BTC", "ETH"), item("nobody", "SOL"), item("none")])
    delivery.unsubscribe(one, ["ETH"])
    collector._notify([item("other", "ETH")])
    delivery.remove(one)
    collector._notify([item("late", "BTC")])

    assert ["both"] == one.received
    assert ["both", "other"] == other.received


def test_news_are_served_only_with_sources() -> None:
    """One source is enough."""

    def encode(item: NewsItem) -> str:
        return item.title

    source = NewsSource("http://127.0.0.1:1/", "test")
    assert not NewsDelivery(NewsCollector((), 0.0, lambda: START), encode).is_served
    assert NewsDelivery(NewsCollector((source,), 60.0, lambda: START), encode).is_served
