"""What the bus between processes adds to an update, by processor time.

python -m bench.fanout.scale ROLE MODE URL SYMBOLS SECONDS     one process; `measure` starts it
"""

# Before any other import, as in run.py.
import sys

from omcrm.concurrency import patch

if __name__ == "__main__":
    patch(sys.argv[2])

import json
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import structs

from bench.fanout.subject import Absent
from bench.figures import percentile
from omcrm.engine.bus import Bus, LocalBus
from omcrm.engine.redis_bus import RedisBus
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import ChangeBasis, Quote
from omcrm.market.source import Source
from tests.processes import ROOT, free_port, wait_for

# Updates of a symbol in a second.
_RATE = 10
LOADS = (500, 24)
"""How many symbols change."""
# One update in so many is timed: to read the clock costs as well.
_TIMED = 20
_BEAT = 0.005
_SOURCE = Source("binance", PriceClass.LIVE)


@dataclass(frozen=True)
class ScaleResult:
    """Processor time by update and as a share of a core, of the engine's part and of a web
    process; and how long updates took, in milliseconds."""

    symbols: int
    updates: int
    engine_us: float
    engine_core: float
    web_us: float
    web_core: float
    p50_ms: float
    p99_ms: float


def measure(mode: str, symbols: int, seconds: float) -> ScaleResult:
    """One engine and one web process, and the engine alone; raises Absent without a server."""
    program = shutil.which("redis-server")
    if program is None:
        raise Absent("redis-server is not here")
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    with tempfile.TemporaryDirectory(prefix="omcrm-bench-") as folder:
        server = subprocess.Popen(
            [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            web = _start("web", mode, url, symbols, seconds)
            with_bus = _result(_start("engine", mode, url, symbols, seconds))
            received = _result(web)
        finally:
            server.terminate()
            server.wait()
    alone = _result(_start("alone", mode, url, symbols, seconds))
    by_update = with_bus["cpu"] / with_bus["updates"] - alone["cpu"] / alone["updates"]
    return ScaleResult(
        symbols,
        int(with_bus["updates"]),
        by_update * 1e6,
        by_update * symbols * _RATE,
        received["cpu"] / received["updates"] * 1e6,
        received["cpu"] / received["seconds"],
        received["p50"],
        received["p99"],
    )


def _start(role: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "ignore", "-m", "bench.fanout.scale", role]
    return subprocess.Popen(
        [*command, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def _result(process: "subprocess.Popen[str]") -> dict[str, float]:
    out, _ = process.communicate()
    if process.returncode:
        raise AssertionError("a process of the bench died")
    result: dict[str, float] = json.loads(out)
    return result


# The measured processes


def _quotes(symbols: int) -> list[Quote]:
    """Quotes with all that a stream of trades, books and day figures reports."""
    now = datetime.now(UTC)

    def number(text: str, place: int) -> Decimal:
        return Decimal(text) + Decimal(place % 97) / 100

    return [
        Quote(
            f"S{place}", 0, PriceClass.LIVE, _SOURCE, number("61837.63", place), now, now, now, now,
            number("0.01", place), 3_000_000 + place, place, number("61837.62", place),
            number("61837.64", place), number("1.5", place), number("2.25", place),
            number("60900.1", place), number("62800.2", place), number("60100.5", place),
            number("12345.678", place), number("1.25", place), number("61000", place),
            ChangeBasis.DAY_AGO,
        )
        for place in range(symbols)
    ]  # fmt: skip


def engine(bus: Bus, symbols: int, seconds: float) -> dict[str, float]:
    """Publish at the pace of a market, each quote a new one."""
    made, updates = _quotes(symbols), 0
    bus.start()
    wait_for(lambda: bus.status().lost_since is None, what="the bus")
    time.sleep(1.0)
    cpu, began = time.process_time(), time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        now = datetime.now(UTC)
        for number in range(updates + 1, int(passed * symbols * _RATE) + 1):
            quote = made[number % symbols]
            bus.publish(structs.replace(quote, seq=number, received_at=now))
            updates = number
        time.sleep(_BEAT)
    cpu = time.process_time() - cpu
    bus.stop()
    return {"updates": updates, "cpu": cpu}


def web(bus: Bus, seconds: float) -> dict[str, float]:
    """Receive until nothing comes; the first and the last second do not count."""
    delays: list[float] = []
    updates = 0

    def take(quote: Quote) -> None:
        nonlocal updates
        updates += 1
        if updates % _TIMED == 0:
            delays.append((datetime.now(UTC) - quote.received_at).total_seconds() * 1000)

    bus.subscribe(Quote, take)
    bus.start()
    wait_for(lambda: updates, what="the engine")
    time.sleep(1.0)
    delays.clear()
    cpu, began, before = time.process_time(), time.monotonic(), updates
    time.sleep(seconds - 2.0)
    cpu, passed, received = time.process_time() - cpu, time.monotonic() - began, updates - before
    bus.stop()
    times = {"p50": percentile(delays, 0.5), "p99": percentile(delays, 0.99)}
    return {"updates": received, "cpu": cpu, "seconds": passed, **times}


def main() -> None:
    role, _, url, symbols, seconds = sys.argv[1:]
    if role == "web":
        result = web(RedisBus(url), float(seconds))
    else:
        bus = LocalBus() if role == "alone" else RedisBus(url, lambda: 1)
        result = engine(bus, int(symbols), float(seconds))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
