"""One provider of the simulator: its connections, its market data and its active faults."""

from collections import deque
from typing import Protocol

from simulator.client_socket import ClientSocket, ServerContext
from simulator.fault_settings import FaultSettings
from simulator.market_source import MarketSource
from simulator.protocol import ProviderProtocol
from simulator.shown_market import ShownMarket
from simulator.stream_subscriptions import StreamSubscriptions
from simulator.weight import Weight

MOST_CALLS = 100_000


class Abortable(Protocol):
    """A connection whose handshake is left unanswered."""

    def abort(self) -> None:
        """End it at once."""


class ProviderServer:
    """What the connections to one provider share; `name` and `protocol` are the provider's.

    `answered` counts HTTP answers; `calls` holds the market times (ms) of the latest ones.
    """

    def __init__(
        self,
        source: MarketSource,
        subscriptions: StreamSubscriptions,
        name: str,
        protocol: ProviderProtocol,
    ) -> None:
        self.name = name
        self.protocol = protocol
        self.subscriptions = subscriptions
        self.faults = FaultSettings()
        self.source = ShownMarket(source, self.faults)
        self.context = ServerContext(
            subscriptions, self.faults, source.subscribed, source.waits_for_readers
        )
        self.weight = Weight()
        self.client_sockets: dict[int, ClientSocket] = {}
        self.unanswered: set[Abortable] = set()
        self.accepted = 0
        self.refused = 0
        self.answered = 0
        self.calls: deque[int] = deque(maxlen=MOST_CALLS)

    def sends(self, channel: str) -> bool:
        """Return whether its channel of `trades` or of `books` still sends anything."""
        return channel not in self.faults.dead_channels

    def ahead(self) -> int:
        """Return by how many ms the provider's clock is ahead of the market's."""
        faults = self.faults
        ahead = round(faults.ahead * 1000)
        if not faults.changes_every:
            return ahead
        turns = self.source.now() // round(faults.changes_every * 1000)
        return -ahead if turns % 2 else ahead

    def now(self) -> int:
        """Return the provider's own time in ms; while a message is delivered that was held, that
        when it was published."""
        return self.source.now() + self.ahead() - self.subscriptions.late

    def note_call(self) -> None:
        """Count an HTTP call."""
        self.answered += 1
        self.calls.append(self.source.now())

    def dated(self, moment: int) -> int:
        """Return the time (ms) that an HTTP answer has for `moment`: a fault makes it older."""
        return moment - self.faults.answer_age

    def next_id(self) -> int:
        """Return the id of a new WebSocket connection."""
        self.accepted += 1
        return self.accepted
