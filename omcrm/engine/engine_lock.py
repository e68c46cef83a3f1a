"""Who runs the feeds where there is no bus: the web process, and a price feed only without one.

Two files in the folder that the processes of this machine share, for each database: `wanted` is
locked (shared) by every web process whose feeds run or are to run, `feeds` by the price feed whose
feeds run. The system releases the locks of a process that ends.
"""

import fcntl
import logging
import os
import time
from pathlib import Path
from typing import Protocol

from omcrm.feeds.lease import lease_name

_log = logging.getLogger(__name__)

# Seconds that a web process waits for a price feed to hand over; one that is paused does not.
_HANDOVER, _LOOK_EVERY = 10.0, 0.05


class EngineLock(Protocol):
    """Decides whether an engine may run its feeds now."""

    def take(self) -> int | None:
        """Take the right to run the feeds: the fencing token, 0 where no other machine counts, None
        where another process runs them."""

    def holds(self) -> bool:
        """Whether the feeds may go on to run here."""

    def give_back(self) -> None:
        """Give the right back; harmless where it is not held."""

    def close(self) -> None:
        """Run no feeds any more, and let nobody see that they end: another process goes on."""


class WebEngineLock:
    """A web process always runs its feeds; it waits a moment for a price feed to hand them over."""

    def __init__(self, folder: Path, database: str) -> None:
        self._wanted = LockedFile(folder, "wanted", database)
        self._feeds = LockedFile(folder, "feeds", database)

    def take(self) -> int | None:
        """Say that the feeds run here, and wait until those of a price feed have ended."""
        self._wanted.lock(fcntl.LOCK_SH)
        until = time.monotonic() + _HANDOVER
        while self._feeds.is_locked_elsewhere():
            if time.monotonic() > until:
                _log.warning("the price feed's process did not hand its feeds over")
                break
            time.sleep(_LOOK_EVERY)
        return 0

    def holds(self) -> bool:
        """Always, once the feeds run."""
        return self._wanted.is_held

    def give_back(self) -> None:
        """Let a price feed run its feeds again."""
        self._wanted.release()

    def close(self) -> None:
        """Nothing to do."""


class PriceFeedLock:
    """A price feed runs its feeds while no web process of the same database does."""

    def __init__(self, folder: Path, database: str) -> None:
        self._wanted = LockedFile(folder, "wanted", database)
        self._feeds = LockedFile(folder, "feeds", database)
        self._is_closed = False

    def take(self) -> int | None:
        """Take the feeds unless a web process has or wants them."""
        # In this order, as the web process has the other one: one of the two sees the other.
        is_free = not self._is_closed and self._feeds.lock(fcntl.LOCK_EX)
        if is_free and not self._wanted.is_locked_elsewhere():
            return 0
        self._feeds.release()
        return None

    def holds(self) -> bool:
        """Whether no web process wants the feeds that run here."""
        is_ours = self._feeds.is_held and not self._is_closed
        return is_ours and not self._wanted.is_locked_elsewhere()

    def give_back(self) -> None:
        """Hand the feeds over."""
        self._feeds.release()

    def close(self) -> None:
        """Run no feeds any more."""
        self._is_closed = True


class LockedFile:
    """A file that this process may lock; what it contains does not matter."""

    def __init__(self, folder: Path, name: str, database: str) -> None:
        self._path = folder / f"{lease_name(name, database)}.lock"
        self._file: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object has the lock."""
        return self._file is not None

    def lock(self, kind: int) -> bool:
        """Lock it, shared or alone; whether it is locked now."""
        if self._file is not None:
            return True
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        # Who only looks has the lock for a moment.
        for _ in range(20):
            if _lock(file, kind):
                self._file = file
                return True
            time.sleep(0.005)
        os.close(file)
        return False

    def release(self) -> None:
        """Release it; harmless where it is not locked here."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def is_locked_elsewhere(self) -> bool:
        """Whether anybody has it locked, be it shared."""
        try:
            file = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _lock(file, fcntl.LOCK_EX)
        finally:
            os.close(file)


def _lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
