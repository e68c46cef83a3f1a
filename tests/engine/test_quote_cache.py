import random
import threading

from omcrm.engine.market_view import QuoteCache
from tests.values import quote, trade


def test_the_cache_holds_the_newest_quote() -> None:
    """A quote with a lower or the same number is not stored."""
    cache, first, second = QuoteCache(), quote(trade("1"), seq=1), quote(trade("2"), seq=2)

    assert cache.put(second)
    assert not cache.put(first)
    assert not cache.put(second)
    assert second is cache.get("BTC")


def test_symbols_are_separate() -> None:
    """The number of one symbol's quote does not affect another symbol."""
    cache = QuoteCache()
    btc, eth = quote(trade("1"), seq=5), quote(trade("2"), seq=4, symbol="ETH")

    assert cache.put(btc)
    assert cache.put(eth)
    assert {"BTC": btc, "ETH": eth} == cache.snapshot()


def test_forgotten_symbols_have_no_quote() -> None:
    """Forgetting a symbol removes its quote; an unknown symbol raises no error."""
    cache = QuoteCache()
    cache.put(quote(trade("1")))
    cache.forget(["BTC", "ETH"])

    assert None is cache.get("BTC")
    assert {} == cache.snapshot()


def test_a_snapshot_does_not_change() -> None:
    """A snapshot is a copy that later quotes do not change."""
    cache = QuoteCache()
    before = cache.snapshot()
    cache.put(quote(trade("1")))

    assert {} == before


def test_threads_keep_the_newest_quote(restless: None) -> None:
    """With four threads that put quotes in any order, the highest number is held."""
    cache = QuoteCache()
    quotes = [quote(trade("1"), seq=seq) for seq in range(1, 2001)]

    def put(number: int) -> None:
        shuffled = quotes.copy()
        random.Random(number).shuffle(shuffled)
        for item in shuffled:
            cache.put(item)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert quotes[-1] is cache.get("BTC")
