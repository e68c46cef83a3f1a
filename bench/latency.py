"""Latency from the exchange's frame to the browser's, memory and processor time at tape speed.

The reader subscribes to the exchange beside the app, so it has the time of each state of a symbol;
an update is matched with the last such state before it was read.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any

import websocket

from bench.figures import cpu_seconds, percentile, resident_mb
from bench.machine import machine
from omcrm.feeds.provider import FrameContext
from omcrm.feeds.providers.binance.stream import Binance
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import Tick
from tests.processes import MARKET_DATA, App, Browser, Exchange

NAMES = {"btcusdt": "BTC", "ethusdt": "ETH"}
STREAMS = ("trade", "bookTicker", "ticker")
# The page may read the app's update before the reader reads its own copy of the frame.
SLACK = 0.05
TARGETS = {"p50": 10.0, "p99": 100.0, "memory": 120.0, "cpu": 5.0}

State = tuple[Any, ...]


class ExchangeReader(threading.Thread):
    """Reads the exchange's stream and records the time of each state of a symbol."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.states: dict[str, list[tuple[float, State]]] = {name: [] for name in NAMES.values()}
        self._provider = Binance(url, STREAMS)
        self._socket = websocket.create_connection(self._provider.url(), timeout=10)
        for frame in self._provider.subscribe(list(NAMES), 1):
            self._socket.send(frame)
        self._socket.settimeout(None)

    def run(self) -> None:
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._read()

    def _read(self) -> None:
        held: dict[str, SourceQuote] = {}
        arrival = FrameContext(datetime.now(UTC), 1, NAMES)
        while True:
            frame = self._socket.recv()
            at = time.monotonic()
            for tick in self._provider.parse(frame, arrival):
                if isinstance(tick, Tick):
                    held[tick.symbol] = SourceQuote.merge(tick, held.get(tick.symbol))
                    states, state = self.states[tick.symbol], _state(held[tick.symbol])
                    # An equal state is no new one.
                    if not states or states[-1][1] != state:
                        states.append((at, state))


class LatencyPage(threading.Thread):
    """A browser's page over a bare WebSocket, with as little work as possible."""

    def __init__(self, browser: Browser, symbols: list[str], keeps: bool = False) -> None:
        super().__init__(daemon=True)
        self.keeps = keeps
        self.count = 0
        self.updates: list[tuple[float, str]] = []
        url = browser.base.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        self._socket = websocket.create_connection(url, cookie=browser.cookies(), timeout=10)
        self._socket.recv()
        self._socket.send("40/webtrader,")
        body = json.dumps(["subscribe_to_instruments", {"symbols": symbols}])
        self._socket.send(f"42/webtrader,{body}")
        self._socket.settimeout(None)

    def run(self) -> None:
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._read()

    def _read(self) -> None:
        while True:
            frame = self._socket.recv()
            if frame == "2":
                self._socket.send("3")
            elif "price_update" in str(frame[:40]):
                self.count += 1
                if self.keeps:
                    self.updates.append((time.monotonic(), str(frame)))


def _state(source_quote: SourceQuote) -> State:
    trade, book = source_quote.trade, source_quote.book
    return (
        trade.price if trade else None,
        book.bid if book else None,
        book.ask if book else None,
    )


def _updates(page: LatencyPage) -> Iterator[tuple[float, str, State]]:
    for at, frame in page.updates:
        body = json.loads(frame[frame.index("[") :], parse_float=Decimal, parse_int=Decimal)[1]
        fields = ("price", "bid", "ask")
        yield at, body["symbol"], tuple(body[field] for field in fields)


def latencies(reader: ExchangeReader, page: LatencyPage) -> tuple[list[float], int]:
    """Milliseconds from each delivered state to its reading, and how many updates had no state.

    An update that repeats a state is no new one; of a symbol's first update that cannot be known.
    """
    latencies_ms, unknown = [], 0
    last_index, last = dict.fromkeys(NAMES.values(), 0), dict[str, State]()
    for at, symbol, state in _updates(page):
        is_new = last.get(symbol, state) != state
        last[symbol] = state
        if not is_new:
            continue
        states = reader.states[symbol]
        until = bisect_right(states, at + SLACK, key=itemgetter(0))
        for index in range(until - 1, last_index[symbol] - 1, -1):
            if states[index][1] == state:
                last_index[symbol] = index
                latencies_ms.append(max(0.0, at - states[index][0]) * 1000)
                break
        else:
            unknown += 1
    return latencies_ms, unknown


def measure(seconds: float, mode: str, pages: int) -> dict[str, float]:
    """The figures of one run."""
    folder = Path(tempfile.mkdtemp(prefix="omcrm-bench-"))
    tapes = sorted(map(str, (MARKET_DATA / "binance" / "spot-2024-08-08").glob("*.gz")))
    environ = {"OMCRM_ASYNC": mode}
    with (
        Exchange(folder, "--tape", *tapes, "--speed", "1", "--redate") as exchange,
        App(folder, {**environ, "BINANCE_WS_URL": exchange.url}) as app,
    ):
        reader = ExchangeReader(exchange.url)
        browser = app.new_browser()
        subscribed = [LatencyPage(browser, list(NAMES.values()), keeps=True) for _ in range(pages)]
        for thread in (reader, *subscribed):
            thread.start()
        time.sleep(3)
        for page in subscribed:
            page.updates.clear()
        cpu, began = cpu_seconds(app.pid), time.monotonic()
        time.sleep(seconds)
        cpu = (cpu_seconds(app.pid) - cpu) / (time.monotonic() - began) * 100
        latencies_ms, unknown = latencies(reader, subscribed[0])
        return {
            "updates": len(latencies_ms),
            "unmatched": unknown,
            "p50": percentile(latencies_ms, 0.5),
            "p99": percentile(latencies_ms, 0.99),
            "max": max(latencies_ms),
            "cpu": cpu,
            "memory": resident_mb(app.pid),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--modes", nargs="+", default=["eventlet", "gevent", "threading"])
    options = parser.parse_args()
    if not MARKET_DATA.is_dir():
        print("recorded market data is not here: nothing to measure")
        return 0
    print(machine())
    print(f"tape of BTC and ETH at its own speed, {options.pages} pages, {options.seconds:.0f} s")
    print("mode       updates  p50 ms  p99 ms  max ms  cpu %  memory MB")
    is_over = False
    for mode in options.modes:
        figures = measure(options.seconds, mode, options.pages)
        print(
            f"{mode:<10} {figures['updates']:>7.0f} {figures['p50']:>7.1f} {figures['p99']:>7.1f} "
            f"{figures['max']:>7.1f} {figures['cpu']:>6.1f} {figures['memory']:>10.1f}"
        )
        is_over = is_over or any(figures[name] > target for name, target in TARGETS.items())
        if figures["unmatched"]:
            print(f"  {figures['unmatched']:.0f} updates agreed with no state of the tape")
    goals = ", ".join(f"{name} <= {target:g}" for name, target in TARGETS.items())
    print(f"targets ({goals}): {'MISSED' if is_over else 'reached'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
