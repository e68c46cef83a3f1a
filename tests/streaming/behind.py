"""What stands behind a session in its tests."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from omcrm.streaming.engine_session import EngineSession
from omcrm.streaming.reactor import Reactor
from omcrm.streaming.worker_pool import WorkerPool
from tests.processes import PATIENCE, wait_for

LONG = 60.0


class Desk:
    """What stands behind sessions here: it remembers what it is told, and may take its time."""

    def __init__(self, interval: float = LONG, timeout: float = LONG) -> None:
        self.reactor = Reactor()
        self.workers = WorkerPool(idle=0.2)
        self.ping_interval = interval
        self.ping_timeout = timeout
        self.compression_from = 100
        self.told: list[Any] = []
        self.losses = 0
        self.validator = threading.Event()
        self.validator.set()

    def message(self, sid: str, data: str | bytes) -> None:
        self.validator.wait(PATIENCE)
        self.told.append(data)

    def gone(self, session: EngineSession, reason: str) -> None:
        self.told.append(("gone", reason))

    def disconnected(self, sid: str, reason: str) -> None:
        self.told.append(("disconnected", reason))

    def lost(self, sid: str) -> None:
        self.losses += 1

    @property
    def counters(self) -> Counter[str]:
        return self.reactor.counters


class State:
    """Newest state, as the fan-out makes it."""

    packets = ("4a", "4b")
    framed = b"\x81\x024a\x81\x024b"
    deflated = b"not asked for"


def soon(seconds: float) -> float:
    return time.monotonic() + seconds


def in_background(job: Callable[[], Any]) -> list[Any]:
    """What a job gives, in a list, as soon as it has."""
    results: list[Any] = []
    threading.Thread(target=lambda: results.append(job()), daemon=True).start()
    return results


def end_of(pages: Desk) -> str:
    """Why a session ended: told twice, and the same."""
    wait_for(lambda: pages.told and pages.told[-1][0] == "disconnected", 10, "the end")
    (gone,) = (event[1] for event in pages.told if event[0] == "gone")
    assert gone == pages.told[-1][1]
    return gone
