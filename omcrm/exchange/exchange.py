"""One venue of the exchange: its market, who is connected to it, and the faults it plays."""

from collections import deque
from typing import Protocol

from omcrm.exchange.fault_settings import FaultSettings
from omcrm.exchange.session import House, Session
from omcrm.exchange.source import Source
from omcrm.exchange.switchboard import Switchboard
from omcrm.exchange.venue import Venue
from omcrm.exchange.weight import Weight

MOST_CALLS = 100_000


class Abortable(Protocol):
    """A connection whose handshake is left unanswered."""

    def abort(self) -> None:
        """End it at once."""


class Exchange:
    """What the connections to one venue share; `name` is the venue's, `venue` how it speaks.

    `answered` counts HTTP answers, `calls` are the market's times (ms) of the last of them.
    """

    def __init__(self, source: Source, switchboard: Switchboard, name: str, venue: Venue) -> None:
        self.name = name
        self.venue = venue
        self.source = source
        self.switchboard = switchboard
        self.faults = FaultSettings()
        self.house = House(switchboard, self.faults, source.subscribed, source.waits_for_readers)
        self.weight = Weight()
        self.sessions: dict[int, Session] = {}
        self.unanswered: set[Abortable] = set()
        self.accepted = 0
        self.refused = 0
        self.answered = 0
        self.calls: deque[int] = deque(maxlen=MOST_CALLS)

    def note_call(self) -> None:
        """Count a call over HTTP."""
        self.answered += 1
        self.calls.append(self.source.now())

    def next_id(self) -> int:
        """Give the number of a new WebSocket connection."""
        self.accepted += 1
        return self.accepted
