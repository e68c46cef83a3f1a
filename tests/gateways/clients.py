"""Client connections without a socket, and a dialect that records its calls."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from omcrm.auth.credential import Caller
from omcrm.auth.permission import PERMISSIONS
from omcrm.engine.market_view import Hub, QuoteCache
from omcrm.errors import MessageRefused
from omcrm.gateways.client_connection import ClientConnection, ClientServices
from omcrm.gateways.dialect import Dialect
from omcrm.market.bar import BarBuilder
from omcrm.market.instrument import Instrument
from omcrm.market.quote import Quote
from omcrm.storage.user import Role
from omcrm.streaming.client_registry import ClientRegistry
from omcrm.streaming.client_session import ClientLimits
from omcrm.streaming.fanout import FanOut
from omcrm.streaming.worker_pool import WorkerPool
from omcrm.wire.channel import SocketChannel, SocketMessage
from tests.values import instrument, no_news

SYMBOLS = ("BTC", "ETH", "SOL")


class Market:
    """A market without feeds."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.cache = QuoteCache()
        self.bars = BarBuilder()
        self.fanout = FanOut(0.01)
        self.news = no_news()
        self.instruments: Mapping[str, Instrument] = {
            symbol: instrument(symbol) for symbol in SYMBOLS
        }
        self.hub.subscribe(self.fanout.take)


def channel(name: str, path: str, received: tuple[SocketMessage, ...] = ()) -> SocketChannel:
    """A channel with these messages of clients."""
    return SocketChannel(
        name=name, title=name, path=path, about="A test.", received=received, sent=()
    )


class EchoDialect(Dialect):
    """Echoes messages; `bad` is refused and `crash` raises."""

    channel = channel("echo", "/echo")

    def __init__(self, market: Any) -> None:
        super().__init__(market)
        self.opens: list[ClientConnection] = []
        self.ends: list[ClientConnection] = []

    def opened(self, client: ClientConnection) -> None:
        self.opens.append(client)
        client.send("hello")

    def received(self, client: ClientConnection, text: str) -> None:
        if text == "bad":
            raise MessageRefused("BAD", "that was bad")
        if text == "crash":
            raise RuntimeError("crashed")
        client.send(text)

    def error(self, refusal: MessageRefused) -> str:
        return f"! {refusal.code}"

    def quote(self, quote: Quote) -> str:
        return f"{quote.symbol} {quote.last}"

    def closed(self, client: ClientConnection) -> None:
        self.ends.append(client)


def caller(user_id: int = 1, handle: str = "token:1") -> Caller:
    return Caller(user_id, Role.CLIENT, PERMISSIONS[Role.CLIENT], handle)


def context() -> AbstractContextManager[object]:
    return nullcontext()


def services(subscriptions: int = 50, most: int = 5) -> ClientServices:
    """The shared services of clients, without an app."""
    limits = ClientLimits(most, subscriptions)
    return ClientServices(WorkerPool(), ClientRegistry(), context, lambda: None, limits)


def client(
    of: ClientServices, dialect: Dialect, who: Caller | None = None, address: str = "127.0.0.1"
) -> ClientConnection:
    return ClientConnection(of, dialect, who, address, {})
