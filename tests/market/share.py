"""One share at one source, from its frames to its quote and bars, with short calls for tests."""

import json
from decimal import Decimal
from typing import Any

from omcrm.feeds.keys import Keys
from omcrm.feeds.provider import FrameContext
from omcrm.feeds.providers.alpaca.stream import Alpaca
from omcrm.feeds.providers.finnhub.stream import Finnhub
from omcrm.feeds.providers.massive.stream import Massive
from omcrm.market.bar import BarBuilder
from omcrm.market.consolidator import Consolidator
from omcrm.market.instrument import AssetClass
from omcrm.market.quote import Quote
from omcrm.market.source import HealthState
from omcrm.market.tick import Tick
from omcrm.market.validation import Validator
from tests.values import after, instrument

KEYS = Keys(lambda name: "an-example-key")
PROVIDERS = {
    "alpaca": Alpaca("wss://stream.data.alpaca.markets/v2/sip", KEYS),
    "finnhub": Finnhub("wss://ws.finnhub.io", KEYS),
    "massive": Massive("wss://socket.massive.com/stocks", KEYS),
}


class Share:
    """AAPL at one source, on a Wednesday at ten in New York; each trade comes a second later."""

    def __init__(self, source: str = "alpaca") -> None:
        self.second = 0.0
        self.validator = Validator()
        self.provider = PROVIDERS[source]
        self.bars = BarBuilder()
        self.quote: Quote | None = None
        self.consolidator = Consolidator(lambda: after(self.second), self.validator)
        self.consolidator.follow([instrument("AAPL", AssetClass.STOCK, {source: "AAPL"})])
        self.consolidator.set_health(source, HealthState.HEALTHY, 1)

    def send(self, frame: Any) -> None:
        """Receive a frame; `quote` is what is shown after it."""
        arrival = FrameContext(after(self.second), 1, {"AAPL": "AAPL"})
        for event in self.provider.parse(json.dumps(frame), arrival):
            if isinstance(event, Tick) and (quote := self.consolidator.apply(event)) is not None:
                self.quote = quote
                self.bars.take(quote)

    def trade(
        self, price: str, *conditions: str, number: int = 0, tape: str = "C", size: int = 100
    ) -> None:
        """Receive a trade of Alpaca a second later."""
        self.second += 1
        self.send(
            [
                {
                    "T": "t", "S": "AAPL", "i": number, "x": "V", "p": float(price), "s": size,
                    "c": list(conditions), "z": tape, "t": self.time(),
                }
            ]
        )  # fmt: skip

    def time(self) -> str:
        return after(self.second).isoformat().replace("+00:00", "Z")

    def day(self, high: str, low: str) -> None:
        """Receive a daily bar of Alpaca."""
        self.send(
            [
                {
                    "T": "d", "S": "AAPL", "o": float(low), "h": float(high), "l": float(low),
                    "c": float(low), "v": 1000, "t": "2026-03-04T05:00:00Z",
                }
            ]
        )  # fmt: skip

    def cancel(self, number: int) -> None:
        self.send(
            [{"T": "x", "S": "AAPL", "i": number, "x": "V", "p": 1, "s": 1, "a": "C", "z": "C"}]
        )

    def correct(self, number: int, price: str, *conditions: str) -> None:
        """Receive what a trade should have been; its new number is a thousand higher."""
        self.send(
            [
                {
                    "T": "c", "S": "AAPL", "x": "V", "oi": number, "op": 1, "os": 1, "oc": [],
                    "ci": number + 1000, "cp": float(price), "cs": 100, "cc": list(conditions),
                    "z": "C",
                }
            ]
        )  # fmt: skip

    @property
    def shown(self) -> Quote:
        """The quote, which there must be."""
        assert self.quote is not None
        return self.quote

    @property
    def last(self) -> Decimal:
        return self.shown.last

    def minute(self) -> tuple[str, ...]:
        """Open, high, low, close and volume of the last minute."""
        bar = self.bars.series("AAPL", self.provider.source.name, "1m", 1)[-1]
        figures = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        return tuple(f"{number.normalize():f}" for number in figures)
