"""The small app, whose loading takes until a file is there."""

import os
import time
from pathlib import Path

from tests.serving.served import app

__all__ = ["app"]

_folder = Path(os.environ["OMCRM_INSTANCE"])
(_folder / f"loads-{os.getpid()}").touch()
while not (_folder / "load on").exists():
    time.sleep(0.02)
