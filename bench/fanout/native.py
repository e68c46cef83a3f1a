"""The programs in C: compiled at their first use, missing without a compiler."""

import ctypes
import hashlib
import os
import shutil
import socket
import subprocess
from collections import Counter
from pathlib import Path

from bench.fanout.plain_reader import PlainReader, Tally

_HERE = Path(__file__).parent
_BUILT = _HERE / ".build"
_BUCKETS = 100_000


def compiled(name: str, *options: str) -> Path | None:
    """The program or library compiled from `name`; None where it cannot be compiled."""
    source = _HERE / name
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or os.environ.get("BENCH_NO_CC"):
        return None
    key = hashlib.sha256(source.read_bytes() + " ".join(options).encode()).hexdigest()[:12]
    target = _BUILT / f"{source.stem}-{key}"
    if not target.exists():
        _BUILT.mkdir(exist_ok=True)
        made = target.with_suffix(f".{os.getpid()}")
        command = [compiler, "-O2", *options, "-o", str(made), str(source)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            return None
        made.replace(target)
    return target


class _Tally(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("updates", "bytes", "reads", "others")),
        *((name, ctypes.c_uint64) for name in ("untimed", "regressions", "lost", "counted")),
        ("slowest", ctypes.c_int64),
        ("newest", ctypes.c_int64),
        ("latency", ctypes.c_uint32 * _BUCKETS),
    )


class NativeReader:
    """Reads price updates from many sockets, in C."""

    def __init__(self, library: Path, connections: int, symbols: tuple[str, ...]) -> None:
        self._c = ctypes.CDLL(str(library))
        assert self._c.reader_tally_size() == ctypes.sizeof(_Tally), "reader.c has another tally"
        self._c.reader_new.restype = ctypes.c_void_p
        self._c.reader_new.argtypes = [ctypes.c_int, ctypes.c_char_p]
        self._c.reader_tally.restype = ctypes.POINTER(_Tally)
        self._c.reader_tally.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self._c.reader_add.argtypes = [
            ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_char_p,
            ctypes.c_size_t,
        ]  # fmt: skip
        self._c.reader_poll.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self._c.reader_fd.argtypes = [ctypes.c_void_p]
        self._c.reader_reset.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
        self._reader = self._c.reader_new(connections, ",".join(symbols).encode())

    def fileno(self) -> int:
        """The descriptor that is readable when `poll` has something to read."""
        return int(self._c.reader_fd(self._reader))

    def add(self, index: int, sock: socket.socket, group: int, rest: bytes) -> None:
        """Read this socket from now on; `rest` was read from it already."""
        self._c.reader_add(self._reader, index, sock.fileno(), group, rest, len(rest))

    def tally(self, group: int) -> Tally:
        """A copy of what a group has read since `reset`."""
        native = self._c.reader_tally(self._reader, group).contents
        counts = enumerate(memoryview(native.latency).cast("B").cast("I"))
        latency = Counter({bucket: count for bucket, count in counts if count})
        numbers = {name: getattr(native, name) for name, *_ in _Tally._fields_[:-1]}
        return Tally(**numbers, latency=latency)

    def reset(self, since: float, until: float) -> None:
        """Count from zero, latencies of what is made from `since` until `until`, as `time.time`."""
        self._c.reader_reset(self._reader, int(since * 1e6), int(min(until, 1e12) * 1e6))

    def poll(self, milliseconds: int) -> int:
        """Wait for something to read, and read it; the number of readable sockets."""
        return int(self._c.reader_poll(self._reader, milliseconds))


Reader = NativeReader | PlainReader


def make_reader(connections: int, symbols: tuple[str, ...]) -> Reader:
    """The reader in C where this machine has a compiler, else the one in Python."""
    library = compiled("reader.c", "-shared", "-fPIC")
    if library is None:
        return PlainReader(connections, symbols)
    return NativeReader(library, connections, symbols)
