"""Two web processes behind nginx are replaced one after the other, while pages watch prices."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from bench.fanout.client_handshake import Address
from bench.fanout.page_pool import allow_many_files
from bench.fanout.returning_pages import ReturningPages
from bench.fanout.several import SeveralProcesses, several_processes
from bench.figures import percentile
from tests.processes import wait_for

CLIENTS = 3_000
SILENCE_GOAL = 10.0
"""Nobody may be without live prices for longer, in seconds."""
# One page in so many polls.
_POLLS_EVERY = 20
# Each price in a second.
_RATE = 2.0
# Pages that connect in a second at the beginning, and seconds between what happens.
_CONNECTING, _SETTLE = 300.0, 10.0
_CONNECT_WITHIN = 300.0
_LOAD_EVERY, _LOAD_TIMEOUT = 0.1, 60.0
_PAGE = "/webtrader/dashboard"
_OK = 200


@dataclass
class RollingResult:
    """What the pages saw; silences are times without a live price, in seconds.

    `undisturbed` is the longest silence before anything was replaced. `loads` are new pages that
    were requested meanwhile by way of the balancer.
    """

    clients: int
    polling: int
    undisturbed: float
    p50: float
    p99: float
    longest: float
    logged_out: int
    ended: dict[str, int]
    failed: dict[str, int]
    stopped_in: list[float]
    ready_in: list[float]
    loads: int
    loads_failed: dict[str, int]
    slowest_load: float
    load_average: float


@dataclass
class _Loads:
    """New pages, requested one after the other."""

    base: str
    cookies: list[str]
    seconds: list[float] = field(default_factory=list)
    failed: dict[str, int] = field(default_factory=dict)

    def run(self, ended: threading.Event) -> None:
        """Request pages until `ended` is set."""
        while not ended.wait(_LOAD_EVERY):
            self._load(self.cookies[len(self.seconds) % len(self.cookies)])

    def _load(self, cookie: str) -> None:
        began, outcome = time.monotonic(), ""
        try:
            answer = requests.get(
                self.base + _PAGE,
                headers={"Cookie": cookie, "Connection": "close"},
                timeout=_LOAD_TIMEOUT,
                allow_redirects=False,
            )
            if answer.status_code != _OK:
                outcome = f"HTTP {answer.status_code}"
        except requests.RequestException as error:
            outcome = type(error).__name__
        self.seconds.append(time.monotonic() - began)
        if outcome:
            self.failed[outcome] = self.failed.get(outcome, 0) + 1


@dataclass
class _Replacement:
    """Replaces each web process."""

    processes: SeveralProcesses
    stopped_in: list[float] = field(default_factory=list)
    ready_in: list[float] = field(default_factory=list)
    error: BaseException | None = None

    def run(self) -> None:
        """TERM, start, wait until it is ready; then the next one."""
        try:
            for web in self.processes.webs:
                self.stopped_in.append(web.stop())
                self.ready_in.append(web.start())
                time.sleep(_SETTLE)
        except BaseException as error:
            self.error = error


def measure(clients: int = CLIENTS, progress: Callable[[str], object] = print) -> RollingResult:
    """Replace both processes under so many pages; raises Absent."""
    allow_many_files()
    load_average = os.getloadavg()[0]
    with several_processes(_RATE) as processes:
        cookies = processes.log_in(clients)
        pages = ReturningPages(Address.of(processes.base, *cookies), clients, _POLLS_EVERY)
        try:
            pages.open(clients / _CONNECTING)
            _step_until(pages, lambda: pages.with_prices == clients)
            progress(f"{clients} pages have prices")
            _step_for(pages, 1.0)
            pages.begin()
            _step_for(pages, _SETTLE)
            undisturbed = max(pages.silences())
            pages.begin()
            replacement, loads = _Replacement(processes), _Loads(processes.base, cookies)
            _replace(pages, replacement, loads)
            silences, counts = pages.silences(), pages.counts
        finally:
            pages.close()
    return RollingResult(
        clients,
        len(range(0, clients, _POLLS_EVERY)),
        undisturbed,
        percentile(silences, 0.5),
        percentile(silences, 0.99),
        max(silences),
        len(counts.logged_out),
        dict(counts.ended),
        dict(counts.failed),
        replacement.stopped_in,
        replacement.ready_in,
        len(loads.seconds),
        loads.failed,
        max(loads.seconds),
        load_average,
    )


def _replace(pages: ReturningPages, replacement: _Replacement, loads: _Loads) -> None:
    ended = threading.Event()
    threads = [
        threading.Thread(target=replacement.run, name="replacement"),
        threading.Thread(target=loads.run, args=(ended,), name="loads"),
    ]
    for thread in threads:
        thread.start()
    try:
        _step_while(pages, threads[0].is_alive)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    if replacement.error:
        raise replacement.error


def _step_for(pages: ReturningPages, seconds: float) -> None:
    until = time.monotonic() + seconds
    _step_while(pages, lambda: time.monotonic() < until)


def _step_until(pages: ReturningPages, holds: Callable[[], bool]) -> None:
    def step() -> bool:
        _step_for(pages, 0.5)
        return holds()

    try:
        wait_for(step, _CONNECT_WITHIN, "the pages")
    except AssertionError as error:
        counts = f"{pages.with_prices} have prices, failed {pages.counts.failed}"
        raise AssertionError(f"{error}: {counts}, ended {pages.counts.ended}") from None


def _step_while(pages: ReturningPages, holds: Callable[[], bool]) -> None:
    while holds():
        pages.step()
