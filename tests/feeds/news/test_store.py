import threading
from datetime import timedelta

from omcrm.feeds.news.mention import Mentions
from omcrm.feeds.news.store import NewsStore
from omcrm.market.catalogue import CATALOGUE
from tests.feeds.news.feeds import NOW, news_item

LONG = "Central bank keeps rates where they are for now"


def titles(store: NewsStore, **wanted: object) -> list[str]:
    return [item.title for item in store.latest(100, **wanted)]  # type: ignore[arg-type]


def test_the_newest_come_first() -> None:
    """They are sorted by their own time, whatever the order of their arrival."""
    store = NewsStore()
    ages = {"b": 2, "c": 3, "a": 1}
    new = store.take(
        news_item(title, published_at=NOW - timedelta(hours=age)) for title, age in ages.items()
    )

    assert ["a", "b", "c"] == titles(store)
    assert ["c", "b", "a"] == [item.title for item in new]
    assert [1, 2, 3] == [item.seq for item in new]
    assert ["a"] == [item.title for item in store.latest(1)]
    assert [] == store.latest(0) == store.latest(-1)


def test_is_bounded() -> None:
    """The oldest are dropped, are not returned as new, and do not come back."""
    store = NewsStore(most=3)
    items = [news_item(f"n{n}", published_at=NOW - timedelta(minutes=n)) for n in range(5)]

    assert ["n2", "n1", "n0"] == [item.title for item in store.take(items)]
    assert [] == store.take(items)
    assert ["n0", "n1", "n2"] == titles(store)


def test_items_without_a_time_do_not_come_back() -> None:
    """Otherwise they would be the newest in every answer."""
    store = NewsStore(most=2)
    for minute in range(3):
        at = NOW + timedelta(minutes=minute)
        undated = [news_item(f"n{n}", published_at=None, received_at=at) for n in range(5)]
        new_items = store.take(undated)

    assert [] == new_items
    assert 2 == len(titles(store))


def test_each_item_is_kept_once() -> None:
    """An item with a known id is not new; its corrected text replaces the old one."""
    store = NewsStore()
    store.take([news_item("Profit rises", id="1")])

    assert [] == store.take([news_item("Profit rises", id="1")])
    assert [] == store.take([news_item("Profit falls", id="1")])
    assert [("Profit falls", 1)] == [(item.title, item.seq) for item in store.latest(9)]
    assert [] == store.take([news_item("Something else", id="1", source="two")])
    assert ["Profit falls"] == titles(store)


def test_the_same_story_of_two_sources_is_one() -> None:
    """Titles are compared within a day."""
    store = NewsStore()
    store.take([news_item(LONG, id="1")])
    later = NOW + timedelta(days=2)

    assert [] == store.take([news_item(f"{LONG.upper()} - Example", id="2", source="two")])
    assert [LONG] == titles(store)
    new_items = store.take(
        [news_item(LONG, id="3", source="two", published_at=later, received_at=later)]
    )
    assert 1 == len(new_items)


def test_one_source_may_repeat_a_title() -> None:
    """Filings of the same form are different filings."""
    store = NewsStore()

    assert 2 == len(store.take([news_item("Form 8-K", id=item_id) for item_id in "12"]))


def test_mentioned_instruments_are_marked() -> None:
    """In new items and in those that are kept already."""
    store = NewsStore()
    store.take([news_item("Apple rises", id="1")])
    store.mention(Mentions(CATALOGUE))
    (new,) = store.take([news_item("Quiet", id="2", summary="but (MSFT) falls")])

    assert ("MSFT",) == new.symbols
    assert ["Apple rises"] == titles(store, symbol="AAPL")
    assert ["Quiet"] == titles(store, symbol="MSFT")
    assert [] == titles(store, symbol="apple")
    store.mention(Mentions())
    assert [] == titles(store, symbol="AAPL")


def test_threads_share_one_store(restless: None) -> None:
    """No item is lost, duplicated, or numbered twice."""
    store = NewsStore(most=1000)
    new_items: list[int] = []

    def feed(name: int) -> None:
        for n in range(50):
            new_items.extend(
                item.seq for item in store.take([news_item(f"{n}", id=f"{n}{name % 2}")])
            )
            store.latest(10)

    threads = [threading.Thread(target=feed, args=[n]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(range(1, 101)) == sorted(new_items)
    assert 100 == len(store.latest(1000))
