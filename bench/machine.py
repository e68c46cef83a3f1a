"""The machine on which figures were measured."""

import os
import platform
from pathlib import Path


def machine() -> str:
    """The processor, its cores, and the version of Python."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return (
        f"{platform.node()}: {model}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    )
