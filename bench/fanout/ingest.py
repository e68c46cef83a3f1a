"""Ticks a second through socket, parser, gate, cache and hub, as fast as the tape can be played.

python -m bench.fanout.ingest MODE URL     the measured process; `measure` starts it
"""

# Before any other import, as in run.py.
import sys

from omcrm.concurrency import patch

if __name__ == "__main__":
    patch(sys.argv[1])

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.fanout.subject import Absent
from omcrm.feeds.registry import FeedSettings
from omcrm.market.catalogue import CATALOGUE
from omcrm.webtrader.realtime_data import RealTimeDataManager
from tests.processes import MARKET_DATA, ROOT, Exchange

_LOOK_EVERY = 0.05
_SILENCE = 1.0
_PATIENCE = 60.0
_RECORDED = ("BTC", "ETH")


@dataclass(frozen=True)
class Ingest:
    """Ticks taken in, and how long that took: by the clock, and of the processor."""

    ticks: int
    seconds: float
    cpu_seconds: float

    @property
    def a_core(self) -> float:
        """Ticks a second that one whole core carries."""
        return self.ticks / self.cpu_seconds

    @property
    def rate(self) -> float:
        """Ticks a second that were carried here, where the exchange may be the slower one."""
        return self.ticks / self.seconds


def measure(mode: str) -> Ingest:
    """Play the recorded tapes to one manager; raises Absent without them."""
    tapes = sorted(map(str, (MARKET_DATA / "binance" / "spot-2024-08-08").glob("*.gz")))
    if not tapes:
        raise Absent("recorded market data is not here")
    with (
        tempfile.TemporaryDirectory(prefix="omcrm-bench-") as folder,
        Exchange(Path(folder), "--tape", *tapes, "--speed", "max") as exchange,
    ):
        command = [sys.executable, "-m", "bench.fanout.ingest", mode, exchange.url]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_PATIENCE * 2
        )
    if done.returncode:
        raise AssertionError(f"ingest died: {done.stderr[-500:]}")
    return Ingest(**json.loads(done.stdout))


def take_in(url: str) -> Ingest:
    """Run a manager on this tape until nothing comes any more."""
    settings = FeedSettings(urls={"binance": url})
    manager = RealTimeDataManager(settings)
    manager.follow([instrument for instrument in CATALOGUE if instrument.symbol in _RECORDED])
    manager.start()
    looks = []
    until, quiet = time.monotonic() + _PATIENCE, time.monotonic() + _PATIENCE
    while time.monotonic() < min(until, quiet):
        time.sleep(_LOOK_EVERY)
        looks.append((manager.status()["binance"].messages, time.monotonic(), time.process_time()))
        if len(looks) > 1 and looks[-1][0] > looks[-2][0]:
            quiet = time.monotonic() + _SILENCE
    manager.stop()
    return _busy_part(looks)


def _busy_part(looks: list[tuple[int, float, float]]) -> Ingest:
    """What lies between the first and the last look at which ticks had come."""
    busy = [place for place, (one, two) in enumerate(pairwise(looks)) if two[0] > one[0] > 1]
    first, last = looks[busy[0]], looks[busy[-1]]
    return Ingest(last[0] - first[0], last[1] - first[1], last[2] - first[2])


if __name__ == "__main__":
    print(json.dumps(vars(take_in(sys.argv[2]))))
