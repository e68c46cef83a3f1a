"""Thousands of clients of one web process, which come back at another one when it is gone."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin

from simulator.drill.processes.account import Account
from simulator.drill.processes.watching_client import PATH

_SUBSCRIBE = '{"action":"subscribe","symbols":["BTC"]}'
# Handshakes at the same time, and the pause after a lost connection.
_AT_ONCE, _PAUSE = 50, 0.5
_OPEN_WITHIN = 30.0


class Crowd:
    """So many connections of one account, each at the first of the addresses that answers; counts
    what they receive and does not read it."""

    def __init__(self, account: Account, addresses: Sequence[str], count: int) -> None:
        self._account, self._addresses = account, addresses
        self._received_at = [0.0] * count
        self._silences = [0.0] * count
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crowd", daemon=True)

    def start(self) -> None:
        """Connect all of them."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect all of them."""
        self._done.set()
        self._thread.join()

    def is_complete(self, since: float) -> bool:
        """Whether all of them have received something after this time (monotonic)."""
        return min(self._received_at) > since

    def forget(self) -> None:
        """Count the times without a message from now on."""
        self._silences = [0.0] * len(self._silences)

    def figures(self) -> str:
        """In words: how long they were without a message at most."""
        longest = sorted(self._silences)
        middle = longest[len(longest) // 2]
        return (
            f"{len(longest)} more clients: half of them at most {middle:.1f} s without a message,"
            f" all of them at most {longest[-1]:.1f} s"
        )

    def _run(self) -> None:
        asyncio.run(self._watch_all())

    async def _watch_all(self) -> None:
        handshakes = asyncio.Semaphore(_AT_ONCE)
        tasks = [
            asyncio.create_task(self._watch(number, handshakes))
            for number in range(len(self._received_at))
        ]
        await asyncio.to_thread(self._done.wait)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, number: int, handshakes: asyncio.Semaphore) -> None:
        place = 0
        while True:
            address = self._addresses[place % len(self._addresses)]
            with contextlib.suppress(OSError, WebSocketException):
                async with handshakes:
                    connection = await self._connect(address)
                try:
                    await self._receive(number, connection)
                finally:
                    connection.transport.abort()
            place += 1
            await asyncio.sleep(_PAUSE)

    async def _connect(self, address: str) -> ClientConnection:
        connection = await connect(
            address.replace("http://", "ws://") + PATH,
            additional_headers={"Cookie": self._account.cookie},
            origin=Origin(address),
            compression=None,
            ping_interval=None,
            open_timeout=_OPEN_WITHIN,
        )
        await connection.send(_SUBSCRIBE)
        return connection

    async def _receive(self, number: int, connection: ClientConnection) -> None:
        while True:
            await connection.recv(decode=False)
            now = time.monotonic()
            if before := self._received_at[number]:
                self._silences[number] = max(self._silences[number], now - before)
            self._received_at[number] = now
