import os
from pathlib import Path

from simulator.drill.processes.process_fault import PROCESS_FAULTS, fill


def test_each_fault_says_what_is_played() -> None:
    """Those that need more say what."""
    needs = {
        name
        for name, fault in PROCESS_FAULTS.items()
        if fault.crowd or fault.has_disk or fault.has_standby
    }

    assert all(fault.about for fault in PROCESS_FAULTS.values())
    assert {"web-killed", "database-promoted", "disk-full"} == needs


def test_a_disk_is_filled_until_it_refuses(tmp_path: Path) -> None:
    """What it refuses is no error of the drill."""
    chunks: list[int] = []

    def write(data: bytes) -> int:
        if len(chunks) == 3:
            raise OSError(28, os.strerror(28))
        chunks.append(len(data))
        return len(data)

    fill(write, tmp_path)

    assert 3 == len(chunks)
