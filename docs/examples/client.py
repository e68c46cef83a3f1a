"""A small client for each of OMCRM's raw WebSockets; it needs the package `websocket-client`.

    OMCRM_TOKEN=omcrm_… python docs/examples/client.py market_feed BTC AAPL

Prints what comes until Ctrl-C, or as many messages as `--count` says.
"""

import argparse
import json
import os
from collections.abc import Callable
from urllib.parse import quote

import websocket

Open = Callable[..., websocket.WebSocket]


def market_feed(connect: Open, symbols: list[str]) -> websocket.WebSocket:
    """Quotes and trades of the symbols."""
    socket = connect("/ws/market/feed")
    asked = {"action": "subscribe", "symbols": symbols, "channels": ["quotes", "trades"]}
    socket.send(json.dumps(asked))
    return socket


def realtime(connect: Open, symbols: list[str]) -> websocket.WebSocket:
    """An update of each asset whenever it changes."""
    socket = connect("/ws/realtime/")
    for symbol in symbols:
        socket.send(json.dumps({"type": "subscribe_asset", "data": {"symbol": symbol}}))
    return socket


def quotes(connect: Open, symbols: list[str]) -> websocket.WebSocket:
    """A table of short quotes every few seconds."""
    socket = connect("/quotes")
    socket.send(",".join(symbols))
    return socket


def profile(connect: Open, symbols: list[str]) -> websocket.WebSocket:
    """All that is known of the first symbol."""
    return connect(f"/profile/{quote(symbols[0], safe='')}")


def market(connect: Open, symbols: list[str]) -> websocket.WebSocket:
    """How the market does."""
    return connect("/market")


def hours(connect: Open, symbols: list[str]) -> websocket.WebSocket:
    """Whether the exchange is open."""
    return connect("/hours")


DIALECTS = {
    dialect.__name__: dialect for dialect in (market_feed, realtime, quotes, profile, market, hours)
}


def main() -> None:
    """Connect, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dialect", choices=DIALECTS)
    parser.add_argument("symbols", nargs="*", default=["BTC"])
    parser.add_argument("--url", default="ws://localhost:5000")
    parser.add_argument("--count", type=int, default=0, help="end after so many messages")
    options = parser.parse_args()
    token = os.environ.get("OMCRM_TOKEN")
    headers = [f"Authorization: Bearer {token}"] if token else []

    def connect(path: str) -> websocket.WebSocket:
        return websocket.create_connection(options.url + path, header=headers, timeout=30)

    try:
        socket = DIALECTS[options.dialect](connect, options.symbols)
    except (OSError, websocket.WebSocketException) as error:
        raise SystemExit(f"refused: {error}") from None
    heard = 0
    try:
        while not options.count or heard < options.count:
            message = socket.recv()
            if not message:
                raise SystemExit("closed by the server")
            print(message, flush=True)
            heard += 1
    except KeyboardInterrupt:
        pass
    finally:
        socket.close()


if __name__ == "__main__":
    main()
