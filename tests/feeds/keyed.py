"""A provider with a key for tests, and its upstream; run as a program it is a feed.

`python -m tests.feeds.keyed URL FOLDER` starts a supervisor and prints its status, line by line.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Self

from msgspec import structs
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from omcrm.feeds.keys import Keys
from omcrm.feeds.lease import Leases
from omcrm.feeds.provider import AccessDenied, Authenticated, Event, FrameContext, StreamLimits
from omcrm.feeds.supervisor import FeedCallbacks, Supervisor
from omcrm.feeds.timing import SupervisorTiming
from omcrm.feeds.watchdog import WatchdogTimeouts
from omcrm.market.price_class import PriceClass
from omcrm.market.source import HealthState, Source
from omcrm.market.tick import Tick, Trade
from tests.processes import PATIENCE

KEY = "a-secret-key"
QUICK = SupervisorTiming(
    timeouts=WatchdogTimeouts(
        probe=0.3,
        heartbeat_timeout=2.0,
        no_data_factor=5,
        no_data_least=1.0,
        no_data_most=3,
        first_data=1.5,
        unknown=1.5,
    ),
    backoff_reset=1.0,
    replacement_grace=1.0,
)
# The default timeouts, so that a busy machine does not trigger them.
RELAXED = structs.replace(QUICK, timeouts=WatchdogTimeouts())


class Keyed:
    """One connection for one key; the upstream answers the login before it may subscribe."""

    source = Source("keyed", PriceClass.LIVE)
    limits = StreamLimits(symbols=5, frame_spacing=0.0, connections=1)
    authenticates = True

    def __init__(self, base: str, keys: Keys) -> None:
        self._base = base
        self._keys = keys

    def missing(self) -> str | None:
        return None if self.api_key() else "KEYED_API_KEY"

    def api_key(self) -> str:
        return self._keys.get("KEYED_API_KEY")

    def url(self) -> str:
        return f"{self._base}/?token={self.api_key()}"

    def opening(self) -> list[str]:
        return [f"login {self.api_key()}"]

    def subscribe(self, names: Iterable[str], request: int) -> list[str]:
        return [f"subscribe {name}" for name in names]

    def unsubscribe(self, names: Iterable[str], request: int) -> list[str]:
        return [f"unsubscribe {name}" for name in names]

    def parse(self, frame: str | bytes, arrival: FrameContext) -> Iterable[Event]:
        match str(frame, "utf-8").split() if isinstance(frame, bytes) else frame.split():
            case ["welcome"]:
                return [Authenticated()]
            case ["denied", status]:
                return [AccessDenied(int(status), f"not with {self.api_key()}")]
            case ["denied", status, seconds]:
                return [AccessDenied(int(status), "not now", float(seconds))]
            case ["price", name, price]:
                trade = Trade(Decimal(price), time=arrival.received_at)
                symbol = arrival.names[name]
                number = arrival.connection
                return [Tick(symbol, self.source, arrival.received_at, number, trade=trade)]
        return []


class Upstream:
    """Answers the login with `greeting`, then sends each subscribed price ten times a second.

    `received` has the frames of every connection; `most` is the largest number of connections at
    the same time.
    """

    def __init__(
        self, greeting: tuple[str, ...] = ("welcome",), *, sends_prices: bool = True
    ) -> None:
        self.greeting = greeting
        self.sends_prices = sends_prices
        self.received: list[list[str]] = []
        self.now = self.most = 0
        self._lock = threading.Lock()
        self._server = serve(self._talk, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _talk(self, connection: ServerConnection) -> None:
        received: list[str] = []
        with self._lock:
            self.received.append(received)
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            received.append(str(connection.recv()))
            for message in self.greeting:
                connection.send(message)
            while True:
                self._exchange_frames(connection, received)
        except ConnectionClosed:
            return
        finally:
            with self._lock:
                self.now -= 1

    def _exchange_frames(self, connection: ServerConnection, received: list[str]) -> None:
        try:
            received.append(str(connection.recv(timeout=0.1)))
        except TimeoutError:
            asked = [command.split()[1] for command in received if command.startswith("subscribe")]
            for name in asked if self.sends_prices else []:
                connection.send(f"price {name} 100.5")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(PATIENCE)


class Watched:
    """A supervisor of a keyed provider and all of its reports."""

    def __init__(
        self,
        url: str,
        folder: Path,
        settings: Mapping[str, str],
        timing: SupervisorTiming = RELAXED,
    ) -> None:
        self.ticks: list[Tick] = []
        self.conditions: list[tuple[HealthState, int]] = []
        self.leases = Leases(folder)
        keys = Keys(lambda name: settings.get(name, ""))
        reports = FeedCallbacks(self.ticks.append, self._note, lambda source: None)
        self.supervisor = Supervisor(
            Keyed(url, keys), reports, clock, timing, keys=keys, leases=self.leases
        )
        self.supervisor.follow({"btc": "BTC", "eth": "ETH"}, lambda: True)

    def _note(self, source: str, condition: HealthState, connection: int) -> None:
        self.conditions.append((condition, connection))

    @property
    def state(self) -> str:
        return self.supervisor.status().state.value

    @property
    def problem(self) -> str:
        return self.supervisor.status().last_error or ""


def clock() -> datetime:
    return datetime.now(UTC)


def main(url: str, folder: str, forever: Callable[[], bool] = lambda: True) -> None:
    """Run a feed until the process is ended."""
    watched = Watched(url, Path(folder), {"KEYED_API_KEY": KEY})
    watched.supervisor.start()
    while forever():
        line = {"state": watched.state, "problem": watched.problem, "ticks": len(watched.ticks)}
        # One write: the log goes to the same file.
        sys.stdout.write(f"{json.dumps(line)}\n")
        sys.stdout.flush()
        time.sleep(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:3])
