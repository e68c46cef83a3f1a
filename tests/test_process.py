import subprocess
import sys

import pytest

from tests.processes import ROOT

# Twenty threads hash one after the other, as those of a server come to do.
PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from omcrm import process
from omcrm.auth.passwords import hash_password

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))

if sys.argv[1] == "given back":
    process.return_free_memory()
together = Barrier(20)
def work(_):
    together.wait()
    hash_password("a long password")
before = resident()
with ThreadPoolExecutor(20) as pool:
    list(pool.map(work, range(20)))
    print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is done")
def test_password_hashes_leave_no_memory_behind() -> None:
    """After any number of threads have hashed a password, their memory is returned."""
    command = [sys.executable, "-c", PROGRAM, "given back"]
    grown = int(subprocess.check_output(command, cwd=ROOT, text=True))

    assert grown < 15


def test_garbage_is_collected_less_often() -> None:
    """Objects of the start are never collected, and new ones less often."""
    program = (
        "import gc; from omcrm import process; process.collect_garbage_less_often();"
        "print(gc.get_freeze_count() > 1000, gc.get_threshold()[0] > 700)"
    )
    printed = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)

    assert "True True" == printed.strip()
