"""Which price feed runs for a database: a file that its process keeps locked while it runs."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from omcrm.errors import PriceFeedRuns
from omcrm.feeds.lease import lease_name

_NAME = "price_feed"
# A process that reads the state holds the lock for a moment.
_TRIES, _PAUSE = 10, 0.05


class PriceFeedState(NamedTuple):
    """Whether a price feed runs, and if so which; times in seconds."""

    is_running: bool
    pid: int | None = None
    interval: int | None = None
    batch: int | None = None


class _LockNote(msgspec.Struct):
    pid: int
    interval: int
    batch: int


@contextmanager
def held(folder: Path, database: str, interval: int, batch: int) -> Iterator[None]:
    """Hold the lock of a database's only price feed; raises PriceFeedRuns where it is taken."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = _path(folder, database)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        if not _lock(file.fileno()):
            note = _read(path)
            raise PriceFeedRuns(note.pid if note else None)
        file.truncate()
        file.write(msgspec.json.encode(_LockNote(os.getpid(), interval, batch)))
        file.flush()
        # The lock is released when the file is closed, and when the process dies.
        yield


def price_feed_state(folder: Path, database: str) -> PriceFeedState:
    """The state of a database's price feed, from the folder that the feeds of this machine share.

    The arguments are `Settings.feed_state_path` and `Settings.database`.
    """
    path = _path(folder, database)
    with contextlib.suppress(OSError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            note = _read(path)
            if note is None:
                return PriceFeedState(True)
            return PriceFeedState(True, note.pid, note.interval, note.batch)
    return PriceFeedState(False)


def _path(folder: Path, database: str) -> Path:
    return folder / f"{lease_name(_NAME, database)}.lock"


def _lock(file: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        else:
            return True
    return False


def _read(path: Path) -> _LockNote | None:
    with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode(path.read_bytes(), type=_LockNote)
    return None
