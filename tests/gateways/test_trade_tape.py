import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from omcrm.engine.market_view import Hub
from omcrm.gateways import trade_tape
from omcrm.gateways.trade_tape import TradeTape
from omcrm.market.instrument import AssetClass
from omcrm.market.quote import Quote
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures
from tests.processes import PATIENCE, wait_for
from tests.threads import Threads
from tests.values import BINANCE, KRAKEN, after, book, quote, tick, trade


@dataclass(eq=False)
class RecordingSubscriber:
    """Records the trades it receives."""

    received: list[str] = field(default_factory=list)
    losses: int = 0

    def send_framed(self, payload: bytes, framed: bytes | None = None) -> None:
        assert framed is not None
        assert framed.endswith(payload)
        self.received.append(payload.decode())

    def lost(self) -> None:
        self.losses += 1


def encode(quote: Quote) -> str:
    return f"{quote.symbol} {quote.last}"


@pytest.fixture
def hub() -> Hub:
    """A hub without listeners."""
    return Hub()


@pytest.fixture
def tape(hub: Hub) -> TradeTape:
    """The tape of that hub."""
    return TradeTape(hub, encode)


def traded(number: int, symbol: str = "BTC", **details: object) -> Quote:
    return quote(trade(str(number), number), symbol=symbol, seq=number, **details)


def test_trades_go_to_the_subscribers_of_their_symbol(hub: Hub, tape: TradeTape) -> None:
    """In order, none left out, and none of other symbols."""
    one, other = RecordingSubscriber(), RecordingSubscriber()
    tape.subscribe(one, ["BTC"], [])
    tape.subscribe(other, ["BTC", "ETH"], [])
    for number in range(1, 201):
        hub.publish(traded(number, "ETH" if number % 2 else "BTC"))
    wait_for(lambda: 200 == len(other.received), 5)
    wait_for(lambda: 100 == len(one.received), 5)
    tape.remove(one)
    tape.remove(other)

    assert [f"BTC {number}" for number in range(2, 201, 2)] == one.received
    assert [f"ETH {number}" for number in range(1, 201, 2)] == [
        line for line in other.received if line[0] == "E"
    ]


def test_updates_that_are_no_trades(hub: Hub, tape: TradeTape) -> None:
    """Top of book, day figures, a repeated trade or a new price class send no trade."""
    subscriber = RecordingSubscriber()
    tape.subscribe(subscriber, ["BTC"], [])
    first = tick(trade("5", 7))
    state = SourceQuote.merge(first, None)
    for number, update in enumerate((None, book("4", "6"), DayFigures(high=Decimal(9)), None)):
        if update is not None:
            state = SourceQuote.merge(tick(update, at=after(number)), state)
        hub.publish(state.quote(number + 1, BINANCE.claim, AssetClass.CRYPTO))
    state = SourceQuote.merge(tick(trade("5", 7), at=after(9)), state)
    hub.publish(state.quote(9, BINANCE.claim, AssetClass.CRYPTO))
    hub.publish(traded(10))
    wait_for(lambda: "BTC 10" in subscriber.received, 5)
    tape.remove(subscriber)

    assert ["BTC 5", "BTC 10"] == subscriber.received


def test_known_trades_are_not_sent(hub: Hub, tape: TradeTape) -> None:
    """A trade before the subscription, a late one, and a polled price."""
    subscriber = RecordingSubscriber()
    known = traded(5)
    tape.subscribe(subscriber, ["BTC"], [known])
    for update in (known, traded(4), quote(trade("6"), seq=6), traded(7)):
        hub.publish(update)
    wait_for(lambda: subscriber.received, 5)
    tape.remove(subscriber)

    assert ["BTC 7"] == subscriber.received


def test_another_source_begins_with_its_next_trade(hub: Hub, tape: TradeTape) -> None:
    """Its trades before the failover may be old."""
    subscriber = RecordingSubscriber()
    tape.subscribe(subscriber, ["BTC"], [traded(1)])
    for update in (traded(2, source=KRAKEN), traded(3, source=KRAKEN)):
        hub.publish(update)
    wait_for(lambda: subscriber.received, 5)
    tape.remove(subscriber)

    assert ["BTC 3"] == subscriber.received


def test_the_thread_runs_while_there_are_subscribers(
    hub: Hub, tape: TradeTape, threads: Threads
) -> None:
    """It starts again for the next one."""
    for number in (1, 2):
        subscriber = RecordingSubscriber()
        tape.subscribe(subscriber, ["BTC"], [])
        tape.subscribe(subscriber, [], [])
        hub.publish(traded(number))
        wait_for(lambda subscriber=subscriber: subscriber.received, 5)
        assert ["trades"] == threads.new()
        tape.unsubscribe(subscriber, ["BTC"])
        threads.wait()
        hub.publish(traded(10 * number))
        time.sleep(0.02)
        assert 1 == len(subscriber.received)


def test_subscribing_to_nothing_starts_no_thread(tape: TradeTape, threads: Threads) -> None:
    """There is no subscriber."""
    tape.subscribe(RecordingSubscriber(), [], [])

    assert [] == threads.new()


def test_too_many_pending_trades_are_dropped_and_reported(
    hub: Hub, tape: TradeTape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pending trades are dropped at once."""
    monkeypatch.setattr(trade_tape, "_MOST_PENDING", 10)
    is_released, subscriber = threading.Event(), RecordingSubscriber()
    subscriber.send_framed = lambda *_: is_released.wait(PATIENCE)  # type: ignore[method-assign,assignment]
    tape.subscribe(subscriber, ["BTC"], [])
    for number in range(1, 30):
        hub.publish(traded(number))
    is_released.set()
    wait_for(lambda: subscriber.losses, 5)
    tape.remove(subscriber)

    assert 1 == subscriber.losses
