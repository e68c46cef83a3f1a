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
    process.give_back()
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
    """However many threads have hashed a password, what that took is given back."""
    command = [sys.executable, "-c", PROGRAM, "given back"]
    grown = int(subprocess.check_output(command, cwd=ROOT, text=True))

    assert grown < 15


def test_the_collector_looks_seldom() -> None:
    """What is there after the start is looked at never again, and what comes, less often."""
    program = (
        "import gc; from omcrm import process; process.collect_seldom();"
        "print(gc.get_freeze_count() > 1000, gc.get_threshold()[0] > 700)"
    )
    said = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)

    assert "True True" == said.strip()
