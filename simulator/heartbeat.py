"""Pings with changing payloads, and the pongs that answer them."""

import asyncio
import time
from collections.abc import Callable

from simulator.fault_settings import FaultSettings


class Heartbeat:
    """Pings one connection through `ping`; calls `lost` when a pong is overdue."""

    def __init__(
        self,
        settings: FaultSettings,
        ping: Callable[[bytes], None],
        lost: Callable[[], None],
    ) -> None:
        self.pings = 0
        self.pongs = 0
        self.wrong_pongs = 0
        self._settings = settings
        self._ping = ping
        self._lost = lost
        self._waiting: dict[bytes, asyncio.TimerHandle] = {}
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Send the first ping after one interval; call it again to apply a changed interval."""
        if self._next:
            self._next.cancel()
        loop = asyncio.get_running_loop()
        self._next = loop.call_later(self._settings.ping_interval, self._send_next)

    def stop(self) -> None:
        """Stop pinging and waiting for pongs."""
        for handle in (self._next, *self._waiting.values()):
            if handle:
                handle.cancel()
        self._next = None
        self._waiting.clear()

    def pong(self, payload: bytes) -> None:
        """Process a pong; it answers the ping of its payload and all earlier pings."""
        if payload not in self._waiting:
            self.wrong_pongs += 1
            return
        self.pongs += 1
        for waiting in list(self._waiting):
            self._waiting.pop(waiting).cancel()
            if waiting == payload:
                break

    def _send_next(self) -> None:
        self.start()
        self.pings += 1
        payload = str(time.time_ns() // 1_000_000).encode()
        loop = asyncio.get_running_loop()
        if payload not in self._waiting:
            self._waiting[payload] = loop.call_later(self._settings.pong_timeout, self._lost)
        self._ping(payload)
