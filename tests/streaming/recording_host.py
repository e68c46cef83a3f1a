"""A session's host in its tests, and other helpers of theirs."""

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


class RecordingHost:
    """A host that records the events of its sessions, and can block in `message`."""

    def __init__(self, interval: float = LONG, timeout: float = LONG) -> None:
        self.reactor = Reactor()
        self.workers = WorkerPool(idle=0.2)
        self.ping_interval = interval
        self.ping_timeout = timeout
        self.compression_from = 100
        self.events: list[Any] = []
        self.losses = 0
        self.may_handle = threading.Event()
        self.may_handle.set()

    def message(self, sid: str, data: str | bytes) -> None:
        self.may_handle.wait(PATIENCE)
        self.events.append(data)

    def session_closed(self, session: EngineSession, reason: str) -> None:
        self.events.append(("closed", reason))

    def disconnected(self, sid: str, reason: str) -> None:
        self.events.append(("disconnected", reason))

    def lost(self, sid: str) -> None:
        self.losses += 1

    @property
    def counters(self) -> Counter[str]:
        return self.reactor.counters


class State:
    """A batch of state, like the fan-out's."""

    packets = ("4a", "4b")
    framed = b"\x81\x024a\x81\x024b"
    deflated = b"not asked for"


def soon(seconds: float) -> float:
    return time.monotonic() + seconds


def in_background(job: Callable[[], Any]) -> list[Any]:
    """Run a job in a thread; a list that gets its result."""
    results: list[Any] = []
    threading.Thread(target=lambda: results.append(job()), daemon=True).start()
    return results


def end_of(host: RecordingHost) -> str:
    """The reason of a session's end, which both events must have."""
    wait_for(lambda: host.events and host.events[-1][0] == "disconnected", 10, "the end")
    (reason,) = (event[1] for event in host.events if event[0] == "closed")
    assert reason == host.events[-1][1]
    return reason
