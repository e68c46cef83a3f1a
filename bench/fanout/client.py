"""The load client: thousands of pages of one server, from one process.

    python -m bench.fanout.client --url http://127.0.0.1:5000 --cookie session=… --clients 5000

Latency is the wall clock when an update was read, minus its `provider_time`, which has whole
milliseconds and so adds up to one. The server is OMCRM or `python -m bench.fanout.stock`.
"""

import argparse
import math
import os
import sys
import time
from pathlib import Path

from bench.fanout.client_dialect import DIALECTS
from bench.fanout.client_handshake import Address
from bench.fanout.dialect import SYMBOLS
from bench.fanout.native import make_reader
from bench.fanout.page_pool import PagePool, allow_many_files
from bench.fanout.plain_reader import Tally
from bench.fanout.plan import EVERYBODY, STORM, Plan
from bench.fanout.result import Result, Storm, percentile_ms
from bench.fanout.usage import Usage

_POLL_MS = 20
_GRACE = 1.0


class Load:
    """One run of the load client."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pages = plan.pages()
        self._reader = make_reader(len(self._pages), plan.symbols)
        self._pool = PagePool(plan.address, self._reader, plan.limit)
        self._lag = 0.0

    def run(self) -> Result:
        """Connect all pages, warm up, measure, and then measure the storm."""
        plan, before = self._plan, self._usage()
        began = time.monotonic()
        self._pool.connect(self._pages)
        self._connect_all()
        connect_seconds = time.monotonic() - began
        connect_cpu = self._usage().since(before).server
        self._print_progress(f"{len(self._pool.sockets)} connected in {connect_seconds:.1f} s")
        result = self._measure(before)
        result.connect_seconds, result.connect_cpu = connect_seconds, connect_cpu
        if plan.storm:
            result.storm = self._measure_storm()
        self._pool.close()
        return result

    def _measure(self, before: Usage) -> Result:
        self._reader.reset(0, math.inf)
        self._read_until(time.time() + self._plan.warm_up)
        since = self._between_ticks()
        until = since + self._plan.seconds
        self._read_until(since)
        self._reader.reset(since, until)
        self._lag, start, began = 0.0, self._usage(), time.monotonic()
        self._read_until(until)
        end, seconds = self._usage(), time.monotonic() - began
        result = self._result(self._both(), (before, start, end), seconds)
        # Updates that were made within the window and arrive after it count, too.
        self._read_until(time.time() + _GRACE)
        self._add_latencies(result)
        return result

    def _between_ticks(self) -> float:
        """A time between two ticks, if the rate is known, so that whole ticks are counted."""
        newest = self._reader.tally(EVERYBODY).newest / 1e6
        if not self._plan.rate or not newest:
            return time.time()
        ticks = math.ceil((time.time() - newest) * self._plan.rate) + 0.5
        return newest + ticks / self._plan.rate

    def _usage(self) -> Usage:
        return Usage.now(self._plan.server, self._plan.feed)

    def _print_progress(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def _connect_all(self) -> None:
        until, shown = time.monotonic() + self._plan.connect_timeout, time.monotonic()
        while self._pool.unconnected and time.monotonic() < until:
            self._pool.step()
            if time.monotonic() - shown > 2:
                shown = time.monotonic()
                self._print_progress(f"{len(self._pool.sockets)} connected …")
        for failure, count in self._pool.failures.most_common(3):
            self._print_progress(f"{count} times: {failure}")

    def _read_until(self, moment: float) -> None:
        while (left := moment - time.time()) > 0:
            wait, began = min(_POLL_MS, math.ceil(left * 1000)), time.monotonic()
            if not self._reader.poll(wait):
                # No data came, and still the poll took longer: this process had no processor.
                self._lag = max(self._lag, time.monotonic() - began - wait / 1000)

    def _result(self, tally: Tally, usage: tuple[Usage, Usage, Usage], seconds: float) -> Result:
        before, start, end = usage
        used = end.since(start)
        stalled = [page for page in self._pages if not page.reads]
        reading = [page for page in self._pages if page.reads and page.dialect.pushes]
        return Result(
            clients=len(self._pages),
            connected=len(self._pool.sockets),
            connect_seconds=0.0,
            retries=self._pool.retries,
            seconds=self._plan.seconds,
            updates=tally.updates,
            counted=0,
            expected=round(self._expected_ticks() * sum(len(page.symbols) for page in reading)),
            messages=tally.others,
            reads=tally.reads,
            bytes=tally.bytes,
            untimed=tally.untimed,
            regressions=tally.regressions,
            lost=tally.lost,
            p50_ms=0.0,
            p99_ms=0.0,
            max_ms=0.0,
            server_cpu=used.server / seconds,
            client_cpu=used.client / seconds,
            client_waited=used.waited / seconds,
            client_lag_ms=self._lag * 1000,
            other_cpu=used.others / seconds,
            memory_before_mb=before.resident_mb,
            memory_start_mb=start.resident_mb,
            memory_end_mb=end.resident_mb,
            reader=type(self._reader).__name__,
            stalled=len(stalled),
            stalled_lost=sum(map(self._pool.is_lost, stalled)),
            failures=dict(self._pool.failures),
        )

    def _expected_ticks(self) -> float:
        return self._plan.rate * self._plan.seconds

    def _both(self) -> Tally:
        """The tally of all pages, also those of the storm."""
        return self._reader.tally(EVERYBODY) + self._reader.tally(STORM)

    def _add_latencies(self, result: Result) -> None:
        tally = self._both()
        result.counted = tally.counted
        result.p50_ms = percentile_ms(tally.latency, 0.5)
        result.p99_ms = percentile_ms(tally.latency, 0.99)
        result.max_ms = tally.slowest / 1000

    def _measure_storm(self) -> Storm:
        """Drop many pages at once, reconnect all of them at once, and measure the others."""
        stormy = [page for page in self._pages if page.group == STORM]
        self._print_progress(f"{len(stormy)} are dropped and come back")
        self._pool.limit, retries = len(stormy), self._pool.retries
        self._reader.reset(time.time(), math.inf)
        began = time.monotonic()
        self._pool.drop(stormy)
        self._pool.connect(stormy)
        self._connect_all()
        took, missing = time.monotonic() - began, self._pool.unconnected
        self._print_progress(
            f"all back after {took:.1f} s" if not missing else f"{missing} did not come back"
        )
        tally = self._reader.tally(EVERYBODY)
        return Storm(
            pages=len(stormy),
            back_seconds=took,
            retries=self._pool.retries - retries,
            is_complete=not missing,
            bystanders=self._plan.clients - len(stormy),
            p50_ms=percentile_ms(tally.latency, 0.5),
            p99_ms=percentile_ms(tally.latency, 0.99),
            max_ms=tally.slowest / 1000,
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.fanout.client",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", required=True, help="the server, http://host:port")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--symbols", nargs="+", default=["BTC"], help="`all` is all 24")
    parser.add_argument(
        "--watch", type=int, help="so many of them for each client, chosen by the seed"
    )
    parser.add_argument("--idle", action="store_true", help="connect and subscribe to nothing")
    parser.add_argument("--rate", type=float, default=0, help="ticks a second, if it is known")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-up", type=float, default=2)
    parser.add_argument("--limit", type=int, default=100, help="handshakes at the same time")
    parser.add_argument(
        "--connect-timeout", type=float, default=120, help="seconds for all to connect"
    )
    parser.add_argument(
        "--stalled", type=float, default=0, help="the share of pages that never read"
    )
    parser.add_argument("--stalled-symbols", nargs="+", help="their symbols, if not the same")
    parser.add_argument(
        "--storm", type=int, default=0, help="so many pages are dropped and reconnect"
    )
    parser.add_argument(
        "--dialects",
        nargs="+",
        choices=DIALECTS,
        default=["desk"],
        help="of the pages, in rotation",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cookie", default="", help="of a session, name=value")
    parser.add_argument("--cookies", type=Path, help="a file with one such line for each client")
    parser.add_argument("--email", help="log in by this; the password is in BENCH_PASSWORD")
    parser.add_argument("--server-pid", type=int, help="to measure its processor time and memory")
    parser.add_argument("--feed-pid", type=int, help="the process that feeds the server")
    parser.add_argument("--json", action="store_true", help="all of the result on one line")
    return parser.parse_args()


def _log_in(url: str, email: str) -> str:
    from tests.processes import Browser

    browser = Browser(url)
    browser.log_in(email, os.environ["BENCH_PASSWORD"])
    return browser.cookies()


def _symbols(words: list[str]) -> tuple[str, ...]:
    return SYMBOLS if words == ["all"] else tuple(words)


def _show(result: Result) -> None:
    print(
        f"{result.connected} of {result.clients} connected in {result.connect_seconds:.1f} s\n"
        f"{result.rate:.0f} updates/s of {result.frame_bytes:.0f} bytes, "
        f"p50 {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms, max {result.max_ms:.1f} ms\n"
        f"{result.lost} connections lost, {result.regressions} updates out of order\n"
        f"load client: {result.client_cpu:.0%} of a processor ({result.reader}); "
        f"others on this machine: {result.other_cpu:.0%}"
    )
    if result.server_cpu:
        print(
            f"server: {result.server_cpu:.0%} of a processor, {result.cpu_us:.1f} µs an update, "
            f"{result.memory_kb:.1f} KB a connection"
        )
    if result.storm:
        print(f"storm: {result.storm}")
    if result.suspicion:
        print(f"DOUBTFUL: {result.suspicion}")


def main() -> int:
    options = _arguments()
    cookie = _log_in(options.url, options.email) if options.email else options.cookie
    cookies = options.cookies.read_text().splitlines() if options.cookies else [cookie]
    symbols = _symbols(options.symbols)
    stalled_symbols = _symbols(options.stalled_symbols) if options.stalled_symbols else symbols
    watch = 0 if options.idle else options.watch or len(symbols)
    plan = Plan(
        Address.of(options.url, *cookies), options.clients, symbols, watch, options.seconds,
        options.warm_up, options.limit, options.connect_timeout, options.stalled, stalled_symbols,
        options.storm, options.seed, options.rate, options.server_pid, options.feed_pid,
        tuple(DIALECTS[dialect] for dialect in options.dialects),
    )  # fmt: skip
    allow_many_files()
    result = Load(plan).run()
    if options.json:
        print(result.to_json(), flush=True)
    else:
        _show(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
