"""Recording subscribers of a fan-out, and windows that never end or are very short."""

from collections.abc import Callable

from omcrm.market.quote import Quote
from omcrm.streaming.fanout import FanOut, ResumePoint
from omcrm.streaming.rate_tier import Batch, EncodeQuote, Facts, Subscriber
from tests.processes import wait_for
from tests.values import quote, trade

# So long that nothing is sent a second time during a test; so short that a test can wait.
FOR_EVER = 4096.0
BLINK = 0.03


def same_price(one: Quote, other: Quote) -> bool:
    return one.last == other.last


def written(quote: Quote) -> str:
    return f"{quote.symbol} {quote.seq}"


def symbol_and_price(quote: Quote) -> str:
    return f"{quote.symbol} {quote.last}"


def publish(fanout: FanOut, *texts: str) -> None:
    """Publish quotes, given as symbol, number and optionally price."""
    for text in texts:
        symbol, seq, *number = text.split()
        fanout.take(quote(trade(*number or "1", int(seq)), symbol=symbol, seq=int(seq)))


def flush(fanout: FanOut, *texts: str) -> None:
    """Publish quotes and flush everything that waits."""
    publish(fanout, *texts)
    fanout.start()
    fanout.stop()


class Page:
    """A client that records the batches it was sent while it was ready."""

    def __init__(self) -> None:
        self.ready = True
        self.batches: list[Batch] = []
        self.subscriber: Subscriber | None = None

    def try_send(self, state: Batch, *, asked: bool = False) -> bool:
        if self.ready:
            self.batches.append(state)
        return self.ready

    def direct(self) -> None:
        """None, so that batches are recorded instead of bytes."""

    def on_ready(self, ready_callback: Callable[[], None]) -> None:
        self.ready_callback = ready_callback

    def get_ready(self) -> None:
        self.ready = True
        self.ready_callback()

    @property
    def writes(self) -> list[list[str]]:
        """The packets of each write."""
        return [batch.packets for batch in self.batches]

    @property
    def packets(self) -> list[str]:
        return [packet for packets in self.writes for packet in packets]

    def wait(self, packet: str) -> None:
        wait_for(lambda: packet in self.packets, 20, packet)

    def subscribe(
        self,
        fanout: FanOut,
        symbols: str,
        dialect: EncodeQuote = written,
        facts: Facts | None = None,
        **more,
    ) -> ResumePoint:
        if self.subscriber is None:
            self.subscriber = fanout.add(self, dialect, facts)
        self.resume_point = fanout.subscribe(self.subscriber, symbols.split(), **more)
        return self.resume_point


def subscribed(fanout: FanOut, symbols: str, ready: bool = True, **more) -> Page:
    """A new page that subscribes to these symbols."""
    page = Page()
    page.ready = ready
    page.subscribe(fanout, symbols, **more)
    return page
