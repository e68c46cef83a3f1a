"""Runs OMCRM as one process: `python run.py`."""

# Before any other import, so that all modules use the chosen kind of threads.
from omcrm.concurrency import configured_mode, patch

patch(configured_mode())

import sys  # noqa: E402

from omcrm.launch import launch  # noqa: E402

if __name__ == "__main__":
    sys.exit(launch())
