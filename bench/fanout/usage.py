"""Processor time and memory of the measured processes, and of the rest of the machine."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figures import resident_mb

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """At one moment: processor seconds of server, client and machine, memory of the server.

    `feed` is the process that feeds the server, such as the exchange; `waited` are the seconds in
    which the client was ready to run and had no processor.
    """

    server: float
    feed: float
    client: float
    machine: float
    waited: float
    resident_mb: float

    @classmethod
    def now(cls, server: int | None = None, feed: int | None = None) -> "Usage":
        """The usage of these processes and of this one."""
        return cls(
            server=_processor(server) if server else 0.0,
            feed=_processor(feed) if feed else 0.0,
            client=sum(os.times()[:2]),
            machine=_machine(),
            waited=_waited(),
            resident_mb=resident_mb(server) if server else 0.0,
        )

    def since(self, before: "Usage") -> "Usage":
        """The usage in between, and the growth of the memory."""
        return Usage(
            server=self.server - before.server,
            feed=self.feed - before.feed,
            client=self.client - before.client,
            machine=self.machine - before.machine,
            waited=self.waited - before.waited,
            resident_mb=self.resident_mb - before.resident_mb,
        )

    @property
    def others(self) -> float:
        """Processor seconds of all other processes."""
        return max(0.0, self.machine - self.server - self.feed - self.client)


def _processor(pid: int) -> float:
    # The clock of a process's processor time, to the nanosecond where /proc has hundredths.
    return time.clock_gettime(~pid << 3 | 2)


def _machine() -> float:
    user, nice, system, _idle, _wait, interrupt, soft, steal = map(
        int, Path("/proc/stat").read_text().split(None, 9)[1:9]
    )
    return (user + nice + system + interrupt + soft + steal) / _TICKS


def _waited() -> float:
    return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
