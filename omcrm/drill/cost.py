"""What a process holds: threads, descriptors, sockets, memory; from /proc."""

import os
from pathlib import Path

from msgspec import Struct


class Cost(Struct, frozen=True):
    """At one moment; memory in MB."""

    threads: int
    descriptors: int
    sockets: int
    memory: float


def cost(pid: int) -> Cost:
    """What a process holds now; raises OSError where there is none."""
    folder = Path(f"/proc/{pid}")
    told = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    kinds = [_kind(path) for path in (folder / "fd").iterdir()]
    return Cost(
        threads=int(told["Threads"]),
        descriptors=len(kinds),
        sockets=sum(kind.startswith("socket:") for kind in kinds),
        memory=int(told["VmRSS"].split()[0]) / 1024,
    )


def _kind(descriptor: Path) -> str:
    try:
        return os.readlink(descriptor)
    except OSError:
        # Closed since it was listed.
        return ""
