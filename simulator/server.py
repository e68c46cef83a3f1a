"""The process: one port, one simulator, an orderly shutdown."""

import asyncio
import os
import signal
import sys

from simulator.incoming_connection import IncomingConnection
from simulator.simulator import Simulator

HOST = "127.0.0.1"
# How long clients may take to answer a close frame before the process ends.
CLOSE_TIMEOUT = 0.3
CLOSE_CHECKS = 30


async def listen(simulator: Simulator, port: int) -> asyncio.Server:
    """Open the port and start the market."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: IncomingConnection(simulator), HOST, port)
    simulator.source.start()
    return server


async def serve(simulator: Simulator, port: int, exit_with_stdin: bool) -> None:
    """Serve `simulator` until a signal or the end of standard input."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    server = await listen(simulator, port)
    address = server.sockets[0].getsockname()
    print(
        f"exchange listening on ws://{address[0]}:{address[1]} ({simulator.source.describe()})",
        flush=True,
    )
    if exit_with_stdin:
        _end_with_stdin(loop, done)
    await done.wait()
    await stop(simulator, server)


def _end_with_stdin(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    descriptor = sys.stdin.fileno()

    def on_readable() -> None:
        if not os.read(descriptor, 4096):
            loop.remove_reader(descriptor)
            done.set()

    try:
        loop.add_reader(descriptor, on_readable)
    except PermissionError:
        # A file, or no standard input, cannot be polled: it is at its end already.
        done.set()


async def stop(simulator: Simulator, server: asyncio.Server) -> None:
    """Close every client and end."""
    simulator.source.stop()
    server.close()
    for provider in simulator.servers.values():
        for client_socket in list(provider.client_sockets.values()):
            client_socket.close(1001, "the exchange stops")
    for _ in range(CLOSE_CHECKS):
        if not simulator.client_sockets():
            break
        await asyncio.sleep(CLOSE_TIMEOUT / CLOSE_CHECKS)
