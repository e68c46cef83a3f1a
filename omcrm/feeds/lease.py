"""Leases of upstream connections, so that only one process of this machine opens each."""

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path

_LONGEST = 20


class Leases:
    """File locks in a folder that all processes of this user share; they end with the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}

    def take(self, source: str, api_key: str) -> bool:
        """Take the lease of a source and key; whether this process has it now."""
        name = lease_name(source, api_key)
        if name in self._held:
            return True
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return False
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._held[name] = file
        return True

    def holder(self, source: str, api_key: str) -> str:
        """The id of the process that has the lease, for people; empty where it is not known."""
        with contextlib.suppress(OSError):
            path = self._folder / f"{lease_name(source, api_key)}.lock"
            return path.read_text(errors="replace").strip()[:_LONGEST]
        return ""

    def give_back(self, source: str, api_key: str) -> None:
        """Release the lease; harmless where it is not held."""
        file = self._held.pop(lease_name(source, api_key), None)
        if file is not None:
            os.close(file)


def lease_name(source: str, api_key: str) -> str:
    """The file name for a source and key; it does not reveal the key."""
    return f"{source}-{hashlib.sha256(api_key.encode()).hexdigest()[:16]}"
