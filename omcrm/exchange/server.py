"""The process: one port, one market, an orderly end."""

import asyncio
import os
import signal
import sys

from omcrm.exchange.connection import Connection
from omcrm.exchange.market import Market

# How long clients may take to answer a close frame before the process ends.
GOODBYE = 0.3
GOODBYE_LOOKS = 30


async def listen(market: Market, host: str, port: int) -> asyncio.Server:
    """Open the port and the market."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(market), host, port)
    market.source.start()
    return server


async def serve(market: Market, host: str, port: int, exit_with_stdin: bool) -> None:
    """Serve `market` until a signal, or the end of standard input, ends it."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    server = await listen(market, host, port)
    address = server.sockets[0].getsockname()
    print(
        f"exchange listening on ws://{address[0]}:{address[1]} ({market.source.describe()})",
        flush=True,
    )
    if exit_with_stdin:
        _watch_stdin(loop, done)
    await done.wait()
    await stop(market, server)


def _watch_stdin(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    descriptor = sys.stdin.fileno()

    def on_readable() -> None:
        if not os.read(descriptor, 4096):
            loop.remove_reader(descriptor)
            done.set()

    try:
        loop.add_reader(descriptor, on_readable)
    except PermissionError:
        # A file, or nothing at all, cannot be waited for: it is at its end already.
        done.set()


async def stop(market: Market, server: asyncio.Server) -> None:
    """Say goodbye to every client and end."""
    market.source.stop()
    server.close()
    for venue in market.venues.values():
        for session in list(venue.sessions.values()):
            session.close(1001, "the exchange stops")
    for _ in range(GOODBYE_LOOKS):
        if not market.sessions():
            break
        await asyncio.sleep(GOODBYE / GOODBYE_LOOKS)
