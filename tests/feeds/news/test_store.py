import threading
from datetime import timedelta

from omcrm.feeds.news.mention import Mentions
from omcrm.feeds.news.store import NewsStore
from omcrm.market.catalogue import CATALOGUE
from tests.feeds.news.feeds import NOW, news

LONG = "Central bank keeps rates where they are for now"


def titles(store: NewsStore, **wanted: object) -> list[str]:
    return [item.title for item in store.latest(100, **wanted)]  # type: ignore[arg-type]


def test_the_newest_come_first() -> None:
    """By their own time, whatever the order in which they came."""
    store = NewsStore()
    ages = {"b": 2, "c": 3, "a": 1}
    new = store.take(
        news(title, published_at=NOW - timedelta(hours=age)) for title, age in ages.items()
    )

    assert ["a", "b", "c"] == titles(store)
    assert ["c", "b", "a"] == [item.title for item in new]
    assert [1, 2, 3] == [item.seq for item in new]
    assert ["a"] == [item.title for item in store.latest(1)]
    assert [] == store.latest(0) == store.latest(-1)


def test_is_bounded() -> None:
    """The oldest go, are told to nobody, and do not come back."""
    store = NewsStore(most=3)
    items = [news(f"n{n}", published_at=NOW - timedelta(minutes=n)) for n in range(5)]

    assert ["n2", "n1", "n0"] == [item.title for item in store.take(items)]
    assert [] == store.take(items)
    assert ["n0", "n1", "n2"] == titles(store)


def test_items_without_a_time_do_not_come_back() -> None:
    """They would be the newest at every answer."""
    store = NewsStore(most=2)
    for minute in range(3):
        at = NOW + timedelta(minutes=minute)
        undated = [news(f"n{n}", published_at=None, received_at=at) for n in range(5)]
        told = store.take(undated)

    assert [] == told
    assert 2 == len(titles(store))


def test_each_item_once() -> None:
    """The same id is known; where the words were corrected it is kept with them."""
    store = NewsStore()
    store.take([news("Profit rises", id="1")])

    assert [] == store.take([news("Profit rises", id="1")])
    assert [] == store.take([news("Profit falls", id="1")])
    assert [("Profit falls", 1)] == [(item.title, item.seq) for item in store.latest(9)]
    assert [] == store.take([news("Something else", id="1", source="two")])
    assert ["Profit falls"] == titles(store)


def test_the_same_story_of_two_sources_is_one() -> None:
    """Within a day, by its title."""
    store = NewsStore()
    store.take([news(LONG, id="1")])
    later = NOW + timedelta(days=2)

    assert [] == store.take([news(f"{LONG.upper()} - Example", id="2", source="two")])
    assert [LONG] == titles(store)
    told = store.take([news(LONG, id="3", source="two", published_at=later, received_at=later)])
    assert 1 == len(told)


def test_one_source_may_repeat_a_title() -> None:
    """Filings of the same form are different filings."""
    store = NewsStore()

    assert 2 == len(store.take([news("Form 8-K", id=item_id) for item_id in "12"]))


def test_instruments_are_found() -> None:
    """In what comes and in what is there already."""
    store = NewsStore()
    store.take([news("Apple rises", id="1")])
    store.mention(Mentions(CATALOGUE))
    (new,) = store.take([news("Quiet", id="2", summary="but (MSFT) falls")])

    assert ("MSFT",) == new.symbols
    assert ["Apple rises"] == titles(store, symbol="AAPL")
    assert ["Quiet"] == titles(store, symbol="MSFT")
    assert [] == titles(store, symbol="apple")
    store.mention(Mentions())
    assert [] == titles(store, symbol="AAPL")


def test_many_may_use_it_at_once(restless: None) -> None:
    """No item is lost, doubled, or numbered twice."""
    store = NewsStore(most=1000)
    told: list[int] = []

    def feed(name: int) -> None:
        for n in range(50):
            told.extend(item.seq for item in store.take([news(f"{n}", id=f"{n}{name % 2}")]))
            store.latest(10)

    threads = [threading.Thread(target=feed, args=[n]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(range(1, 101)) == sorted(told)
    assert 100 == len(store.latest(1000))
