"""Ticks a second through socket, parser, validation, cache and hub, at the tape's full speed.

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
from omcrm.feeds.feed_settings import FeedSettings
from omcrm.market.catalogue import CATALOGUE
from omcrm.webtrader.realtime_data import RealTimeDataManager
from tests.processes import MARKET_DATA, ROOT, Exchange

_SAMPLE_INTERVAL = 0.05
_SILENCE = 1.0
_TIMEOUT = 60.0
_RECORDED = ("BTC", "ETH")


@dataclass(frozen=True)
class IngestResult:
    """Processed ticks, and the wall-clock and processor seconds they took."""

    ticks: int
    seconds: float
    cpu_seconds: float

    @property
    def a_core(self) -> float:
        """Ticks a second on one whole core."""
        return self.ticks / self.cpu_seconds

    @property
    def rate(self) -> float:
        """Ticks a second in this run, which the exchange may limit."""
        return self.ticks / self.seconds


def measure(mode: str) -> IngestResult:
    """Play the recorded tapes to one manager; raises Absent without them."""
    tapes = sorted(map(str, (MARKET_DATA / "binance" / "spot-2024-08-08").glob("*.gz")))
    if not tapes:
        raise Absent("recorded market data is not here")
    with (
        tempfile.TemporaryDirectory(prefix="omcrm-bench-") as folder,
        Exchange(Path(folder), "--tape", *tapes, "--speed", "max", "--redate") as exchange,
    ):
        command = [sys.executable, "-m", "bench.fanout.ingest", mode, exchange.url]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_TIMEOUT * 2
        )
    if done.returncode:
        raise AssertionError(f"ingest died: {done.stderr[-500:]}")
    return IngestResult(**json.loads(done.stdout))


def ingest(url: str) -> IngestResult:
    """Run a manager on this tape until no more ticks come."""
    settings = FeedSettings(urls={"binance": url})
    manager = RealTimeDataManager(settings)
    manager.follow([instrument for instrument in CATALOGUE if instrument.symbol in _RECORDED])
    manager.start()
    samples = []
    until, quiet = time.monotonic() + _TIMEOUT, time.monotonic() + _TIMEOUT
    while time.monotonic() < min(until, quiet):
        time.sleep(_SAMPLE_INTERVAL)
        samples.append(
            (manager.status()["binance"].messages, time.monotonic(), time.process_time())
        )
        if len(samples) > 1 and samples[-1][0] > samples[-2][0]:
            quiet = time.monotonic() + _SILENCE
    manager.stop()
    return _busy_samples(samples)


def _busy_samples(samples: list[tuple[int, float, float]]) -> IngestResult:
    """The figures between the first and the last sample in which ticks came."""
    busy = [place for place, (one, two) in enumerate(pairwise(samples)) if two[0] > one[0] > 1]
    first, last = samples[busy[0]], samples[busy[-1]]
    return IngestResult(last[0] - first[0], last[1] - first[1], last[2] - first[2])


if __name__ == "__main__":
    print(json.dumps(vars(ingest(sys.argv[2]))))
