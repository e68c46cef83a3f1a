import re
import subprocess
import sys

import pytest

from tests.processes import ROOT

PROGRAM = """
import logging, sys
from omcrm.logs import configure_logs
configure_logs(sys.argv[1])
logging.getLogger("omcrm.somewhere").info("what happened")
logging.getLogger("alembic.runtime").info("a migration")
"""


@pytest.mark.parametrize(("level", "lines"), [("INFO", 1), ("WARNING", 0)])
def test_lines_have_their_time_and_level(level: str, lines: int) -> None:
    """A line at or above the level has time, level and logger; migrations log nothing."""
    command = [sys.executable, "-c", PROGRAM, level]
    written = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr

    assert lines == len(written.splitlines())
    pattern = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO omcrm\.somewhere: what happened\n"
    assert not lines or re.fullmatch(pattern, written)
