"""What waits to be sent is bounded, and nobody who publishes waits."""

import threading

from msgspec import structs

from omcrm.engine.bus import PortfolioChanged
from omcrm.engine.send_queue import SendQueue
from tests.processes import PATIENCE
from tests.values import quote, trade

QUOTE = quote(trade("100"))


def test_the_newest_quote_of_each_symbol_waits() -> None:
    """Also where an older one comes later, from another thread."""
    queue = SendQueue(10)
    for seq, symbol in ((2, "BTC"), (6, "ETH"), (8, "BTC"), (4, "BTC")):
        queue.put_quote(structs.replace(QUOTE, seq=seq, symbol=symbol))

    assert {"BTC": 8, "ETH": 6} == {
        taken.symbol: taken.seq for taken in queue.take_quotes().values()
    }
    assert {} == queue.take_quotes()


def test_messages_wait_in_their_order_and_the_oldest_are_dropped() -> None:
    """The dropped ones are counted."""
    queue = SendQueue(3)
    for number in range(5):
        queue.put_message(PortfolioChanged(1, number))

    assert [2, 3, 4] == [message.portfolio_id for message in queue.take_messages()]
    assert () == queue.take_messages()
    assert 2 == queue.dropped


def test_whatever_is_put_ends_the_wait() -> None:
    """Also before it begins."""
    queue = SendQueue(3)
    for put in (
        lambda: queue.put_quote(QUOTE),
        lambda: queue.put_message(PortfolioChanged(1, 1)),
        queue.wake,
    ):
        put()
        queue.wait(PATIENCE)
        thread = threading.Thread(target=queue.wait, args=(PATIENCE,))
        thread.start()
        put()
        thread.join(PATIENCE)

        assert not thread.is_alive()


def test_nothing_is_lost_between_threads(restless: None) -> None:
    """The sending thread finds the newest quote of each publisher, whenever it looks."""
    queue, seen = SendQueue(10), dict[str, int]()

    def publish(symbol: str) -> None:
        for seq in range(1, 2_001):
            queue.put_quote(structs.replace(QUOTE, symbol=symbol, seq=seq))

    threads = [threading.Thread(target=publish, args=(f"S{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        queue.wait(0.001)
        for taken in queue.take_quotes().values():
            assert seen.get(taken.symbol, 0) < taken.seq
            seen[taken.symbol] = taken.seq
    seen |= {taken.symbol: taken.seq for taken in queue.take_quotes().values()}

    assert dict.fromkeys(("S0", "S1", "S2", "S3"), 2_000) == seen
