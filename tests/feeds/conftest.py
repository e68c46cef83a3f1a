"""A supervisor or a poller against the built-in exchange, with short timeouts; a certificate."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from omcrm.feeds import poller as poller_module
from omcrm.feeds.providers.binance.stream import Binance
from omcrm.feeds.supervisor import FeedCallbacks, Supervisor
from omcrm.feeds.timing import SupervisorTiming
from omcrm.feeds.watchdog import WatchdogTimeouts
from omcrm.market.source import HealthState
from omcrm.market.tick import Tick
from tests.conftest import missing
from tests.feeds.polled import Watched as WatchedPoller
from tests.processes import Exchange, wait_for
from tests.threads import Threads

NAMES = {"btcusdt": "BTC", "ethusdt": "ETH"}
QUICK = SupervisorTiming(
    timeouts=WatchdogTimeouts(
        probe=0.3,
        heartbeat_timeout=1.2,
        no_data_factor=5,
        no_data_least=1.0,
        no_data_most=3,
        first_data=2.0,
        unknown=2.0,
    ),
    backoff_reset=1.0,
    replacement_grace=2.0,
)
# The default timeouts, so that a busy machine does not trigger them.
RELAXED = structs.replace(QUICK, timeouts=WatchdogTimeouts())


class Watched:
    """A supervisor and all of its reports."""

    def __init__(
        self, url: str, timing: SupervisorTiming = RELAXED, names: dict[str, str] = NAMES
    ) -> None:
        self.ticks: list[Tick] = []
        self.conditions: list[tuple[HealthState, int]] = []
        self.changes = 0
        self.threads = Threads()
        reports = FeedCallbacks(self.ticks.append, self._condition, self._changed)
        provider = Binance(url, ("trade", "bookTicker", "ticker"))
        self.supervisor = Supervisor(provider, reports, lambda: datetime.now(UTC), timing)
        self.supervisor.follow(names, lambda: True)

    def _condition(self, source: str, condition: HealthState, connection: int) -> None:
        self.conditions.append((condition, connection))

    def _changed(self, source: str) -> None:
        self.changes += 1

    @property
    def state(self) -> str:
        return self.supervisor.status().state.value

    def wait_for_data(self, timeout: float = 10) -> None:
        """Wait until another tick has come."""
        before = len(self.ticks)
        wait_for(lambda: len(self.ticks) > before, timeout, "data")

    def wait_for_state(self, *states: str, timeout: float = 10) -> None:
        wait_for(lambda: self.state in states, timeout, f"one of {states}, is {self.state}")

    def wait_for_no_threads(self) -> None:
        """Wait until all threads that were started since have ended."""
        self.threads.wait()


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    """Starts supervisors, and stops them after the test."""
    started: list[Watched] = []

    def start(
        url: str, timing: SupervisorTiming = RELAXED, names: dict[str, str] = NAMES
    ) -> Watched:
        watched = Watched(url, timing, names)
        started.append(watched)
        watched.supervisor.start()
        return watched

    yield start
    for feed in started:
        feed.supervisor.stop()
    for feed in started:
        feed.wait_for_no_threads()


@pytest.fixture
def streaming(watch: Callable[..., Watched], exchange: Exchange) -> Watched:
    """A supervisor that receives data."""
    watched = watch(exchange.url)
    watched.wait_for_data()
    return watched


@pytest.fixture
def watch_poller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., WatchedPoller]]:
    """Starts pollers with short steps, and stops them after the test."""
    monkeypatch.setattr(poller_module, "_STEP", 0.05)
    monkeypatch.setattr(poller_module, "_CHECK_AGAIN", 0.2)
    started: list[WatchedPoller] = []

    def start(url: str, **options: object) -> WatchedPoller:
        watched = WatchedPoller(url, tmp_path / "state", **options)
        started.append(watched)
        watched.poller.start()
        return watched

    yield start
    for harness in started:
        harness.poller.stop()
    for harness in started:
        harness.threads.wait()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The files of a certificate for some names, which nobody has signed, and of its key."""
    folder = tmp_path_factory.mktemp("tls")
    files = (str(folder / "crt"), str(folder / "key"))
    command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    names = ("-subj", "/CN=x", "-addext", "subjectAltName=DNS:localhost,DNS:upstream.example")
    outputs = ("-nodes", "-out", files[0], "-keyout", files[1])
    try:
        subprocess.run([*command, *names, *outputs], check=True, capture_output=True)
    except OSError:
        missing("openssl")
    return files
