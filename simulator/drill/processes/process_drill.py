"""One drill of several processes: calm, the fault, and what became of prices and events."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from omcrm.market.catalogue import CATALOGUE
from simulator.drill.market_truth import MarketTruth
from simulator.drill.processes.crowd import Crowd
from simulator.drill.processes.event_writer import (
    EventWriter,
    WrittenEvent,
    doubled_events,
    lost_events,
    missing_numbers,
    out_of_order,
)
from simulator.drill.processes.installation import Installation
from simulator.drill.processes.process_fault import PROCESS_FAULTS, ProcessFault
from simulator.drill.processes.server_process import NotInTime, wait_until
from simulator.drill.processes.shown_price_check import ShownPriceCheck
from simulator.drill.processes.watching_client import WatchingClient, longest_silence
from simulator.drill.violation import Violation

_SYMBOLS = ("BTC", "ETH", "SOL")
_CALM, _AFTERWARDS = 10.0, 5.0
_DISK = "400m"
# Two events of the feeds are the same by this.
_FEED_EVENTS = (
    "SELECT COALESCE(sum(number - 1), 0)::int FROM"
    " (SELECT count(*) AS number FROM feed_events GROUP BY source, code, at) AS counted"
)
_USER_EVENTS = "SELECT user_id, code, details->>'name' FROM user_events WHERE code LIKE 'TOKEN_%'"


class ProcessOutcome(Struct, frozen=True, kw_only=True):
    """The results of a drill, times in seconds; `silences` are the longest times without a live
    price among the clients of each web process, `calm` the longest before the fault.

    `recovered` counts from the end of the fault to the moment when everything is as before, None
    for never. `refused` counts by status or error. `wrong`, `lost` and `doubled` must be empty or
    zero.
    """

    fault: str
    wrong: tuple[Violation, ...]
    checked: int
    confirmed: int
    refused: Mapping[str, int]
    lost: int
    doubled: int
    calm: float
    silences: tuple[float, float]
    recovered: float | None
    load: float
    crowd: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing was wrong, lost or doubled, and everything is as before."""
        return not (self.wrong or self.lost or self.doubled) and self.recovered is not None


def run_process_drill(name: str) -> ProcessOutcome:
    """Run one drill; raises NotInTime where it cannot begin."""
    fault = PROCESS_FAULTS[name]
    with (
        _folder(on_disk=fault.has_disk) as folder,
        Installation(folder, has_standby=fault.has_standby) as installation,
        _Observers(installation, fault) as observers,
    ):
        wait_until(observers.is_well, "prices and events", every=0.3)
        time.sleep(_CALM)
        observers.forget()
        began = time.monotonic()
        # Nothing ends of a fault by itself, except where it has no room to write.
        with installation.kept() if fault.has_disk else nullcontext():
            fault.play(installation)
            ended = time.monotonic()
            recovered = observers.recovery(ended)
        time.sleep(_AFTERWARDS)
        return observers.outcome(name, began, recovered)


@contextmanager
def _folder(*, on_disk: bool) -> Iterator[Path]:
    """A folder, on a small disk of its own where that is wanted."""
    with tempfile.TemporaryDirectory(prefix="omcrm-drill-") as name, ExitStack() as mounted:
        folder = Path(name)
        # The database runs as another user.
        folder.chmod(0o755)
        if on_disk:
            _run("mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=755", "omcrm-drill", name)
            mounted.callback(_run, "umount", "-l", name)
        yield folder


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NotInTime(f"a disk of its own needs root: {done.stderr.strip()}")


class _Observer(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


class _Observers:
    """The clients, the writers and the check of one drill."""

    def __init__(self, installation: Installation, fault: ProcessFault) -> None:
        self._installation = installation
        homes = [web.base for web in installation.webs]
        ways: list[Sequence[str]] = [homes, homes[::-1]]
        accounts = installation.accounts
        self._clients = [
            WatchingClient(account, way, _SYMBOLS) for way in ways for account in accounts
        ]
        half = len(accounts) // 2
        self._writers = [
            EventWriter("first", accounts[:half], ways[0]),
            EventWriter("second", accounts[half:], ways[1]),
        ]
        instruments = [item for item in CATALOGUE if item.symbol in _SYMBOLS]
        truth = MarketTruth(installation.exchange_url, instruments, installation.market_since)
        self._check = ShownPriceCheck(self._clients, truth, instruments)
        self._crowd = Crowd(accounts[0], homes, fault.crowd) if fault.crowd else None
        self._at_the_end = ExitStack()

    def __enter__(self) -> "_Observers":
        with ExitStack() as begun:
            crowds = [self._crowd] if self._crowd else []
            parts: list[_Observer] = [*self._clients, *self._writers, self._check, *crowds]
            for part in parts:
                part.start()
                begun.callback(part.stop)
            self._at_the_end = begun.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._at_the_end.close()

    def is_well(self, since: float = 0.0) -> bool:
        """Whether, after `since`, every client got live prices and both writers were confirmed; and
        one engine leads, the other one stands by, and the web processes are ready."""
        engines = self._installation.engines
        return (
            all(client.live_at and client.live_at[-1] > since for client in self._clients)
            and all(writer.confirmed_at > since for writer in self._writers)
            and [1, 1]
            == [sum(item.leads for item in engines), sum(item.stands_by for item in engines)]
            and all(web.is_ready for web in self._installation.webs)
            and (self._crowd is None or self._crowd.is_complete(since))
        )

    def forget(self) -> None:
        """Count the crowd's times without a message from now on."""
        if self._crowd is not None:
            self._crowd.forget()

    def recovery(self, ended: float) -> float | None:
        """How long it takes from the end of the fault until everything is as before."""
        try:
            wait_until(lambda: self.is_well(ended), "everything to be as before", every=0.2)
        except NotInTime:
            return None
        return time.monotonic() - ended

    def outcome(self, name: str, began: float, recovered: float | None) -> ProcessOutcome:
        """What came of it; ends the writers, and waits for the last events to arrive."""
        until = time.monotonic()
        for writer in self._writers:
            writer.stop()
        homes = [web.base for web in self._installation.webs]
        clients = {home: [item for item in self._clients if item.home == home] for home in homes}
        silences = [
            max(longest_silence(client.live_at.copy(), began, until) for client in clients[home])
            for home in homes
        ]
        calm = max(
            longest_silence(client.live_at.copy(), began - _CALM, began) for client in self._clients
        )
        lost, doubled = self._balance()
        return ProcessOutcome(
            fault=name,
            wrong=tuple(self._check.wrong),
            checked=self._check.checked,
            confirmed=sum(len(writer.confirmed) for writer in self._writers),
            refused=self._writers[0].refused + self._writers[1].refused,
            lost=lost,
            doubled=doubled,
            calm=calm,
            silences=(silences[0], silences[1]),
            recovered=recovered,
            load=os.getloadavg()[0],
            crowd=self._crowd.figures() if self._crowd else "",
        )

    def _balance(self) -> tuple[int, int]:
        """How many events were lost and doubled, in the database and on the way to clients."""
        installation = self._installation
        stored = [WrittenEvent(*row) for row in installation.rows(_USER_EVENTS)]
        rows = installation.rows("SELECT user_id, last_number FROM user_event_counters")
        last = {int(user_id): int(number) for user_id, number in rows}

        def missing() -> int:
            return sum(
                missing_numbers(client.events, last.get(client.account.user_id, 0)) + client.expired
                for client in self._clients
            )

        # What does not come counts as lost.
        with suppress(NotInTime):
            wait_until(lambda: not missing(), "the last events")
        confirmed = [event for writer in self._writers for event in writer.confirmed]
        again = sum(out_of_order(client.events) for client in self._clients)
        feed_events = installation.rows(_FEED_EVENTS)[0][0]
        return (
            lost_events(confirmed, stored) + missing(),
            doubled_events(stored) + again + int(feed_events),
        )
