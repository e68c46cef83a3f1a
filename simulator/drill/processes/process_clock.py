"""The wall clock of one process, which can be set while it runs."""

import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from simulator.drill.processes.server_process import NotInTime

_SOURCE = Path(__file__).with_name("clock.c")
_NANOSECOND = 1e-9


def compiled(folder: Path) -> Path:
    """The library that sets clocks, compiled in this folder; NotInTime without a C compiler."""
    library = folder / "clock.so"
    if library.exists():
        return library
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NotInTime("clocks can only be set with a C compiler (cc)")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NotInTime(f"the clock's library was not compiled: {done.stderr}")
    return library


class ProcessClock:
    """The clock of the process that is started with its settings; right at first."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self._set(0.0)
        self.environ: Mapping[str, str] = {"LD_PRELOAD": str(library), "DRILL_CLOCK": str(file)}

    @contextmanager
    def off_by(self, seconds: float) -> Iterator[None]:
        """Meanwhile it is so many seconds ahead, or behind where that is below zero."""
        self._set(seconds)
        try:
            yield
        finally:
            self._set(0.0)

    def _set(self, seconds: float) -> None:
        # Written in place: the process has mapped this file.
        mode = "r+b" if self._file.exists() else "wb"
        with self._file.open(mode) as file:
            file.write(struct.pack("=q", round(seconds / _NANOSECOND)))
