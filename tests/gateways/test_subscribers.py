from omcrm.gateways.subscribers import SymbolSubscribers


class Somebody:
    """Reads nothing of it."""

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        raise AssertionError

    def lost(self) -> None:
        raise AssertionError


def test_readers_of_symbols() -> None:
    """Each once, however many of the symbols it reads; in the order in which they came."""
    one, other, readers = Somebody(), Somebody(), SymbolSubscribers()
    readers.add(one, ["BTC", "ETH"])
    readers.add(other, ["BTC"])

    assert [one, other] == readers.of(["BTC", "ETH", "SOL"])
    assert [one] == readers.of(["ETH"])
    assert [one, other] == readers.everybody()
    assert ["BTC", "ETH"] == readers.symbols(one)
    assert "BTC" in readers
    assert "SOL" not in readers


def test_what_nobody_reads_is_told_and_forgotten() -> None:
    """Once; taking away what was not there is harmless."""
    one, other, readers = Somebody(), Somebody(), SymbolSubscribers()
    readers.add(one, ["BTC", "ETH"])
    readers.add(other, ["BTC"])

    assert ["ETH"] == readers.remove(one, ["BTC", "ETH", "SOL"])
    assert [] == readers.remove(one, ["BTC"])
    assert readers
    assert ["BTC"] == readers.remove(other, ["BTC"])
    assert not readers
