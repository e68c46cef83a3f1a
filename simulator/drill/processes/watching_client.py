"""A client on a raw WebSocket that records what it is shown and which events it gets."""

import contextlib
import itertools
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from omcrm.market.price_class import PriceClass
from simulator.drill.processes.account import Account

PATH = "/ws/market/feed"
# Pauses between two attempts to connect, and the most that one may take.
_PAUSE, _OPEN_WITHIN = 0.5, 10.0
_RECEIVE_FOR = 0.5
_REMEMBERED = 100_000


class _Message(Struct, frozen=True):
    """The fields that are looked at, of whatever message."""

    type: str
    symbol: str = ""
    price: Decimal | None = None
    price_class: str = ""
    event: int = 0
    provider_time: str | None = None


class ShownPrice(Struct, frozen=True):
    """A price as a client has it; `received_at` is monotonic, `time` what the message says."""

    price: Decimal
    price_class: PriceClass
    received_at: float
    time: str = ""


class WatchingClient:
    """Watches symbols as one account, at the first of these addresses that can be reached.

    `shown` has the newest price of each symbol while it is connected, since `connected_at`;
    `live_at` the times (monotonic) of live prices; `events` the numbers of the account's events, as
    they came.
    """

    def __init__(self, account: Account, addresses: Sequence[str], symbols: Iterable[str]) -> None:
        self.account = account
        self.home = addresses[0]
        self.shown: dict[str, ShownPrice] = {}
        self.connected_at = 0.0
        self.live_at: deque[float] = deque(maxlen=_REMEMBERED)
        self.events: list[int] = []
        self.expired = 0
        self._addresses, self._symbols = addresses, list(symbols)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching-client", daemon=True)

    def start(self) -> None:
        """Connect, and connect again whenever the connection ends."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._done.is_set():
            address = self._addresses[number % len(self._addresses)]
            with contextlib.suppress(OSError, WebSocketException):
                self._watch(address)
            # What is on the page of a lost connection says so.
            self.shown = {}
            # A balancer sends it to another process.
            number += 1
            self._done.wait(_PAUSE)

    def _watch(self, address: str) -> None:
        with connect(
            address.replace("http://", "ws://") + PATH,
            additional_headers={"Cookie": self.account.cookie},
            origin=Origin(address),
            compression=None,
            open_timeout=_OPEN_WITHIN,
            close_timeout=1.0,
        ) as connection:
            self.connected_at = time.monotonic()
            last = self.events[-1] if self.events else 0
            self._send(connection, {"action": "resume", "since": last})
            self._send(connection, {"action": "subscribe", "symbols": self._symbols})
            while not self._done.is_set():
                with contextlib.suppress(TimeoutError):
                    self.receive(connection.recv(_RECEIVE_FOR), time.monotonic())

    def _send(self, connection: ClientConnection, message: object) -> None:
        connection.send(msgspec.json.encode(message).decode())

    def receive(self, text: str | bytes, at: float) -> None:
        """Take in a message that came at this time."""
        message = msgspec.json.decode(text, type=_Message)
        if message.type == "quote" and message.price is not None:
            price_class = PriceClass(message.price_class)
            price = ShownPrice(message.price, price_class, at, message.provider_time or "")
            self.shown = {**self.shown, message.symbol: price}
            if price_class is PriceClass.LIVE:
                self.live_at.append(at)
        elif message.type == "notice":
            self.events.append(message.event)
        elif message.type == "reload":
            self.expired += 1


def longest_silence(times: Iterable[float], since: float, until: float) -> float:
    """The longest time without one of these times, from the last one before `since` on."""
    before = [at for at in times if at <= until]
    first = max((at for at in before if at <= since), default=since)
    marks = [first, *(at for at in before if at > since), until]
    return max((end - begin for begin, end in itertools.pairwise(marks)), default=0.0)
