"""Reads processes from the operating system; Linux only."""

import os
import socket
from pathlib import Path


def children(pid: int) -> set[int]:
    """The processes that a process started, and those that they started."""
    pids: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            own = {int(word) for word in task.read_text().split()}
        except OSError:
            continue
        pids |= own.union(*(children(child) for child in own))
    return pids


def state(pid: int) -> str:
    """The letter of a process's state, `Z` for a zombie; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    return state(pid) not in ("", "Z")


def listens(pid: int) -> set[int]:
    """The ports of the TCP sockets that a process listens on."""
    ports = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                ports[f"socket:[{fields[9]}]"] = int(fields[1].rpartition(":")[2], 16)
    return {ports[descriptor] for descriptor in descriptors(pid).values() if descriptor in ports}


def descriptors(pid: int) -> dict[int, str]:
    """The open files of a process, by descriptor."""
    files = {}
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            files[int(path.name)] = str(path.readlink())
        except OSError:
            continue
    return files


def resident_mb(pid: int) -> float:
    """The memory a process holds, in millions of bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS:"))


def environment(pid: int) -> dict[str, str]:
    """The variables a process was started with."""
    text = os.fsdecode(Path(f"/proc/{pid}/environ").read_bytes())
    return dict(line.split("=", 1) for line in text.split("\0") if "=" in line)


def can_listen(port: int) -> bool:
    """Whether a server could start on this port of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
