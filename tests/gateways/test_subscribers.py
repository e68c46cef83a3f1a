from omcrm.gateways.subscribers import SymbolSubscribers


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
