"""A process of an installation: started, killed, paused, and started again."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parents[3]
# Of everything that should happen, in seconds; long, because a busy machine is no fault.
PATIENCE = 120.0
_INTERVAL = 0.05


class NotInTime(Exception):
    """Something that a drill needs did not happen, in words."""


def wait_until(
    condition: Callable[[], object], what: str, seconds: float = PATIENCE, every: float = _INTERVAL
) -> None:
    """Wait until the condition is true; raises NotInTime."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise NotInTime(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)


def free_port() -> int:
    """A port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """A command that can be started several times, one process at a time; its output goes to a log
    file."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self._command, self._environ, self._log = list(command), dict(environ), log
        self._process: subprocess.Popen[bytes] | None = None
        self._begins_at = 0

    @property
    def pid(self) -> int:
        """The number of the process; 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; `output` begins anew."""
        self._begins_at = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**os.environ, **self._environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # An interrupt from the keyboard is for the drill, which then ends it.
                start_new_session=True,
            )

    def output(self) -> str:
        """What it has written since its last start."""
        with self._log.open("rb") as log:
            log.seek(self._begins_at)
            return log.read().decode(errors="replace")

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it by TERM, by force where that takes too long; harmless where it does not run."""
        if self._process is None or not self.runs:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Meanwhile it does nothing, and knows nothing of that."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)


class Startable(Protocol):
    """Something that can end, and be started again."""

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""

    def start(self) -> None:
        """Start it."""


@contextmanager
def kept(server: Startable, seconds: float = 1.0) -> Iterator[None]:
    """Meanwhile it is started again, within so many seconds, whenever it has ended, as a service
    manager does it."""
    done = threading.Event()

    def keep() -> None:
        while not done.wait(seconds):
            if not server.runs:
                with contextlib.suppress(NotInTime):
                    server.start()

    keeper = threading.Thread(target=keep, name="keeper", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
