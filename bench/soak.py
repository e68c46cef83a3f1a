"""Memory and processor time of a demonstration over some minutes: `make soak`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.figures import cpu_seconds, resident_mb
from bench.latency import LatencyPage
from bench.machine import machine
from omcrm.market.catalogue import CATALOGUE
from tests.processes import App, Exchange

MOST_MEMORY = 120.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--mode", default="eventlet")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="omcrm-soak-"))
    environ = {"OMCRM_DEMO": "true", "OMCRM_ASYNC": options.mode}
    print(machine())
    with (
        Exchange(folder) as exchange,
        App(folder, {**environ, "OMCRM_EXCHANGE_URL": exchange.url}) as app,
    ):
        browsers = [app.new_browser() for _ in range(options.pages)]
        pages = [
            LatencyPage(browser, [instrument.symbol for instrument in CATALOGUE])
            for browser in browsers
        ]
        for page in pages:
            page.start()
        began, cpu = time.monotonic(), cpu_seconds(app.pid)
        while time.monotonic() - began < options.minutes * 60:
            time.sleep(min(60, options.minutes * 60))
            used = (cpu_seconds(app.pid) - cpu) / (time.monotonic() - began) * 100
            print(
                f"{(time.monotonic() - began) / 60:4.0f} min  {resident_mb(app.pid):6.1f} MB  "
                f"{used:4.1f} % of a core  {sum(page.count for page in pages)} updates",
                flush=True,
            )
        memory = resident_mb(app.pid)
    print(f"memory <= {MOST_MEMORY:g} MB: {'reached' if memory <= MOST_MEMORY else 'MISSED'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
