import random
import threading

from omcrm.market.quote_cache import QuoteCache
from tests.values import quote, trade


def test_the_newest_is_held() -> None:
    """An older quote, or the same one again, changes nothing."""
    cache, first, second = QuoteCache(), quote(trade("1"), seq=1), quote(trade("2"), seq=2)

    assert cache.put(second)
    assert not cache.put(first)
    assert not cache.put(second)
    assert second is cache.get("BTC")


def test_symbols_are_apart() -> None:
    """Numbers of one symbol say nothing about another one."""
    cache = QuoteCache()
    btc, eth = quote(trade("1"), seq=5), quote(trade("2"), seq=4, symbol="ETH")

    assert cache.put(btc)
    assert cache.put(eth)
    assert {"BTC": btc, "ETH": eth} == cache.snapshot()


def test_what_is_forgotten_is_gone() -> None:
    """Unknown symbols are no error."""
    cache = QuoteCache()
    cache.put(quote(trade("1")))
    cache.forget(["BTC", "ETH"])

    assert None is cache.get("BTC")
    assert {} == cache.snapshot()


def test_a_snapshot_does_not_change() -> None:
    """It is the caller's own."""
    cache = QuoteCache()
    before = cache.snapshot()
    cache.put(quote(trade("1")))

    assert {} == before


def test_threads_leave_the_newest(restless: None) -> None:
    """Whoever comes last, the highest number stays."""
    cache = QuoteCache()
    quotes = [quote(trade("1"), seq=seq) for seq in range(1, 2001)]

    def put(number: int) -> None:
        mine = quotes.copy()
        random.Random(number).shuffle(mine)
        for item in mine:
            cache.put(item)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert quotes[-1] is cache.get("BTC")
