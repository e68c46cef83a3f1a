"""One run: starts a subject and a load client, and returns the result."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

from bench.fanout.result import Result
from bench.fanout.subject import SUBJECTS, Served, TickLoad
from tests.processes import ROOT


class RunFailed(Exception):
    """A run gave no result; the message has the reason."""


def run(subject: str, load: TickLoad, arguments: Sequence[str], timeout: float = 600) -> Result:
    """Measure `subject` with the load client's `arguments`; raises Absent or Failed."""
    result = None
    try:
        with tempfile.TemporaryDirectory(prefix="omcrm-bench-") as folder:
            make = SUBJECTS[subject](Path(folder), load)
            with cast("AbstractContextManager[Served]", make) as served:
                result = _load(served, load, arguments, timeout)
    except (AssertionError, OSError, ValueError) as error:
        # A result counts, even where the subject then did not end in time.
        if result is None:
            raise RunFailed(str(error) or type(error).__name__) from error
        print(f"  {subject}: {str(error).splitlines()[0]}", file=sys.stderr)
    return result


def _load(served: Served, load: TickLoad, arguments: Sequence[str], timeout: float) -> Result:
    command = [sys.executable, "-m", "bench.fanout.client", "--json", "--url", served.url]
    command += ["--server-pid", str(served.pid)]
    if served.cookies:
        command += ["--cookies", str(served.cookies)]
    if served.feed:
        command += ["--feed-pid", str(served.feed)]
    command += ["--symbols", *load.symbols, *arguments]
    pipe = subprocess.PIPE
    client = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
    try:
        output, progress = client.communicate(timeout=timeout)
    except BaseException as error:
        client.terminate()
        client.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise RunFailed(f"the load client did not end within {timeout:.0f} s") from error
        raise
    if client.returncode:
        raise RunFailed(f"the load client ended with {client.returncode}: {progress[-500:]}")
    return Result.from_json(output.strip().splitlines()[-1])
