import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from omcrm.gateways import trade_tape
from omcrm.gateways.trade_tape import TradeTape
from omcrm.market.hub import Hub
from omcrm.market.quote import Quote, merge
from omcrm.market.tick import DayFigures
from tests.processes import PATIENCE, wait_for
from tests.threads import Threads
from tests.values import BINANCE, KRAKEN, after, book, quote, tick, trade


@dataclass(eq=False)
class Listening:
    """A reader that remembers the prices it is told."""

    told: list[str] = field(default_factory=list)
    losses: int = 0

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        assert framed is not None
        assert framed.endswith(payload)
        self.told.append(payload.decode())

    def lost(self) -> None:
        self.losses += 1


def written(quote: Quote) -> str:
    assert quote.said.trade is not None
    return f"{quote.symbol} {quote.said.trade.price}"


@pytest.fixture
def hub() -> Hub:
    """A hub with nobody at it."""
    return Hub()


@pytest.fixture
def tape(hub: Hub) -> TradeTape:
    """The tape of that hub."""
    return TradeTape(hub, written)


def traded(number: int, symbol: str = "BTC", **details: object) -> Quote:
    return quote(trade(str(number), number), symbol=symbol, seq=number, **details)


def test_everybody_is_told_the_trades_of_what_they_read(hub: Hub, tape: TradeTape) -> None:
    """In order, none left out, and nothing of other symbols."""
    one, other = Listening(), Listening()
    tape.watch(one, ["BTC"], [])
    tape.watch(other, ["BTC", "ETH"], [])
    for number in range(1, 201):
        hub.publish(traded(number, "ETH" if number % 2 else "BTC"))
    wait_for(lambda: 200 == len(other.told), 5)
    wait_for(lambda: 100 == len(one.told), 5)
    tape.leave(one)
    tape.leave(other)

    assert [f"BTC {number}" for number in range(2, 201, 2)] == one.told
    assert [f"ETH {number}" for number in range(1, 201, 2)] == [
        line for line in other.told if line[0] == "E"
    ]


def test_news_that_are_no_trades(hub: Hub, tape: TradeTape) -> None:
    """A book, day figures, a confirmation or a passing of time repeat no trade."""
    reader = Listening()
    tape.watch(reader, ["BTC"], [])
    first = tick(trade("5", 7))
    said = merge(first, None)
    for number, part in enumerate((None, book("4", "6"), DayFigures(high=Decimal(9)), None)):
        if part is not None:
            said = merge(tick(part, at=after(number)), said)
        hub.publish(Quote("BTC", number + 1, BINANCE.claim, said))
    said = merge(tick(trade("5", 7), at=after(9)), said)
    hub.publish(Quote("BTC", 9, BINANCE.claim, said))
    hub.publish(traded(10))
    wait_for(lambda: "BTC 10" in reader.told, 5)
    tape.leave(reader)

    assert ["BTC 5", "BTC 10"] == reader.told


def test_what_is_known_already_is_no_news(hub: Hub, tape: TradeTape) -> None:
    """A trade before the beginning, a late one, and a price that was only asked for."""
    reader = Listening()
    known = traded(5)
    tape.watch(reader, ["BTC"], [known])
    for update in (known, traded(4), quote(trade("6"), seq=6), traded(7)):
        hub.publish(update)
    wait_for(lambda: reader.told, 5)
    tape.leave(reader)

    assert ["BTC 7"] == reader.told


def test_another_source_begins_with_its_next_trade(hub: Hub, tape: TradeTape) -> None:
    """What it had traded before it began to speak may be old."""
    reader = Listening()
    tape.watch(reader, ["BTC"], [traded(1)])
    for update in (traded(2, source=KRAKEN), traded(3, source=KRAKEN)):
        hub.publish(update)
    wait_for(lambda: reader.told, 5)
    tape.leave(reader)

    assert ["BTC 3"] == reader.told


def test_the_thread_lives_while_anybody_reads(hub: Hub, tape: TradeTape, threads: Threads) -> None:
    """And begins anew for the next one."""
    for number in (1, 2):
        reader = Listening()
        tape.watch(reader, ["BTC"], [])
        tape.watch(reader, [], [])
        hub.publish(traded(number))
        wait_for(lambda reader=reader: reader.told, 5)
        assert ["trades"] == threads.new()
        tape.unwatch(reader, ["BTC"])
        threads.wait()
        hub.publish(traded(10 * number))
        time.sleep(0.02)
        assert 1 == len(reader.told)


def test_watching_nothing_starts_nothing(tape: TradeTape, threads: Threads) -> None:
    """Nobody reads."""
    tape.watch(Listening(), [], [])

    assert [] == threads.new()


def test_more_than_can_wait_is_lost_and_said_so(
    hub: Hub, tape: TradeTape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody could tell in time is dropped as a whole."""
    monkeypatch.setattr(trade_tape, "_MOST_WAITING", 10)
    validator, reader = threading.Event(), Listening()
    reader.send_framed = lambda *_: validator.wait(PATIENCE)  # type: ignore[method-assign,assignment]
    tape.watch(reader, ["BTC"], [])
    for number in range(1, 30):
        hub.publish(traded(number))
    validator.set()
    wait_for(lambda: reader.losses, 5)
    tape.leave(reader)

    assert 1 == reader.losses
