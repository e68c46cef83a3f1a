"""The threads, descriptors, sockets and memory of a process, from /proc."""

import os
from pathlib import Path

from msgspec import Struct


class ResourceUse(Struct, frozen=True):
    """The resources at one moment; memory in MB."""

    threads: int
    descriptors: int
    sockets: int
    memory: float


def resource_use(pid: int) -> ResourceUse:
    """The resources of a process now; raises OSError where there is none."""
    folder = Path(f"/proc/{pid}")
    answer = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    kinds = [_kind(path) for path in (folder / "fd").iterdir()]
    return ResourceUse(
        threads=int(answer["Threads"]),
        descriptors=len(kinds),
        sockets=sum(kind.startswith("socket:") for kind in kinds),
        memory=int(answer["VmRSS"].split()[0]) / 1024,
    )


def _kind(descriptor: Path) -> str:
    try:
        return os.readlink(descriptor)
    except OSError:
        # Closed after it was listed.
        return ""
