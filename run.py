"""Runs OMCRM as one process: `python run.py`."""

# Before any other import, so that everything is made for the chosen kind of threads.
from omcrm.concurrency import patch, wished_mode

patch(wished_mode())

import sys  # noqa: E402

from omcrm.launch import launch  # noqa: E402

if __name__ == "__main__":
    sys.exit(launch())
