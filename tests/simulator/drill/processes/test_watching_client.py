from decimal import Decimal

from omcrm.market.price_class import PriceClass
from simulator.drill.processes.account import Account
from simulator.drill.processes.watching_client import ShownPrice, WatchingClient, longest_silence


def client() -> WatchingClient:
    """One that is not connected."""
    return WatchingClient(Account(7, "session=s", "token"), ["http://127.0.0.1:1"], ["BTC"])


def test_a_client_remembers_what_it_is_shown_and_when_it_was_live() -> None:
    """A price that is not live is shown, and no end of a silence."""
    page = client()
    page.receive('{"type":"quote","symbol":"BTC","price":100.5,"price_class":"live"}', 3.0)
    page.receive('{"type":"quote","symbol":"BTC","price":100.5,"price_class":"stale"}', 4.0)
    page.receive('{"type":"subscribed","symbols":["BTC"]}', 5.0)

    assert {"BTC": ShownPrice(Decimal("100.5"), PriceClass.STALE, 4.0)} == page.shown
    assert [3.0] == list(page.live_at)


def test_a_client_remembers_the_numbers_of_events() -> None:
    """And that some are deleted."""
    page = client()
    for number in (1, 2):
        page.receive(f'{{"type":"notice","event":{number},"code":"OTHER"}}', 0.0)
    page.receive('{"type":"reload","event":9}', 0.0)

    assert ([1, 2], 1) == (page.events, page.expired)


def test_a_silence_may_begin_before_the_time_and_last_beyond_it() -> None:
    """The longest of those between, and of the one at the end."""
    assert 4.0 == longest_silence([1.0, 5.0, 6.0], 2.0, 7.0)
    assert 3.0 == longest_silence([1.0, 2.0], 2.0, 5.0)
    assert 5.0 == longest_silence([], 2.0, 7.0)
    assert 1.0 == longest_silence([1.0, 2.0, 9.0], 1.5, 3.0)
