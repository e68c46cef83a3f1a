"""Runs OMCRM as one process: `python run.py`."""

import sys

from omcrm.concurrency import patch
from omcrm.env_file import configured_mode
from omcrm.errors import SettingError

# Before any other import, so that all modules use the chosen kind of threads.
try:
    patch(configured_mode())
except SettingError as error:
    print(error, file=sys.stderr)
    sys.exit(2)

from omcrm.launch import launch

if __name__ == "__main__":
    sys.exit(launch())
