"""On which kinds of threads a test runs."""

import pytest

from omcrm.concurrency import MODES

# Where all of them do the same, `make test` tries the one that is usual; `make test-long` all.
ONE_MODE = [MODES[0], *(pytest.param(mode, marks=pytest.mark.long) for mode in MODES[1:])]
