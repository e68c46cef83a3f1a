"""The whole simulator: one market, served by every provider in its own wire format."""

from collections.abc import Callable

from simulator.market_source import MarketSource, StreamPublisher
from simulator.provider_server import ProviderServer
from simulator.providers import BINANCE, PROVIDERS
from simulator.publisher_group import PublisherGroup
from simulator.stream_subscriptions import StreamSubscriptions


class Simulator:
    """One source of market data and its providers; a fault is played at one provider or at all."""

    def __init__(self, make_source: Callable[[StreamPublisher], MarketSource]) -> None:
        subscriptions = {name: StreamSubscriptions() for name in PROVIDERS}
        self.source = make_source(PublisherGroup(subscriptions.values()))
        self.servers = {
            name: ProviderServer(
                self.source, subscriptions[name], name, self.source.protocol(name, usual)
            )
            for name, usual in PROVIDERS.items()
        }

    @property
    def binance(self) -> ProviderServer:
        """The provider of the paths without a provider's name."""
        return self.servers[BINANCE]

    def server_of(self, path: str) -> ProviderServer:
        """Return the provider that a path begins with."""
        return self.servers.get(path.lstrip("/").partition("/")[0], self.binance)

    def client_sockets(self) -> int:
        """Count the WebSocket connections of all providers."""
        return sum(len(server.client_sockets) for server in self.servers.values())
