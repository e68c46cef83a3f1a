"""Clients without a connection, of a dialect that remembers."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from omcrm.auth.credential import Caller
from omcrm.errors import MessageRefused
from omcrm.feeds.news.desk import NewsDesk
from omcrm.gateways.client import Client, House
from omcrm.gateways.dialect import Dialect
from omcrm.gateways.roster import Roster
from omcrm.market.cache import QuoteCache
from omcrm.market.candle import CandleBook
from omcrm.market.gate import Gate
from omcrm.market.hub import Hub
from omcrm.market.instrument import Instrument
from omcrm.market.quote import Quote
from omcrm.streaming.crew import Crew
from omcrm.streaming.fanout import FanOut
from tests.values import START, instrument

SYMBOLS = ("BTC", "ETH", "SOL")


class Market:
    """A market without feeds."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.cache = QuoteCache(lambda: START, Gate())
        self.candles = CandleBook()
        self.fanout = FanOut(0.01)
        self.news = NewsDesk((), 0.0, lambda: START)
        self.instruments: Mapping[str, Instrument] = {
            symbol: instrument(symbol) for symbol in SYMBOLS
        }
        self.hub.listen(self.fanout.take)


class Parrot(Dialect):
    """Repeats what it hears; `bad`, `crash` and others show what goes wrong."""

    name = "parrot"
    path = "/parrot"

    def __init__(self, market: Any) -> None:
        super().__init__(market)
        self.opens: list[Client] = []
        self.ends: list[Client] = []

    def opened(self, client: Client) -> None:
        self.opens.append(client)
        client.send("hello")

    def received(self, client: Client, text: str) -> None:
        if text == "bad":
            raise MessageRefused("BAD", "that was bad")
        if text == "crash":
            raise RuntimeError("crashed")
        client.send(text)

    def error(self, refusal: MessageRefused) -> str:
        return f"! {refusal.code}"

    def quote(self, quote: Quote) -> str:
        assert quote.said.trade is not None
        return f"{quote.symbol} {quote.said.trade.price}"

    def closed(self, client: Client) -> None:
        self.ends.append(client)


def caller(user_id: int = 1, handle: str = "token:1") -> Caller:
    return Caller(user_id, False, None, handle)


def context() -> AbstractContextManager[object]:
    return nullcontext()


def house(subscriptions: int = 50, most: int = 5) -> House:
    """What clients share, without an app."""
    return House(Crew(), Roster(most), context, lambda: None, subscriptions)


def client(
    of: House, dialect: Dialect, who: Caller | None = None, address: str = "127.0.0.1"
) -> Client:
    return Client(of, dialect, who, address, {})
