"""The kinds of threads on which a test runs."""

import pytest

from omcrm.concurrency import MODES

# Where all behave the same, `make test` runs the default one; `make test-long` runs all.
ONE_MODE = [MODES[0], *(pytest.param(mode, marks=pytest.mark.long) for mode in MODES[1:])]
