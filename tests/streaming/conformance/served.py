"""The process that is tested, with what its handlers were told and what it logged at hand."""

import contextlib
import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.process_table import descriptors
from tests.processes import PATIENCE, Process, free_port, wait_for

# What a connection may leave behind in the first moment after its end.
_SLACK = 2


class Served(Process):
    """The servers under test in one mode."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.mode = mode
        self.port = free_port()
        command = [sys.executable, "-W", "ignore", "-m", "tests.streaming.conformance.server"]
        super().__init__([*command, mode, str(self.port)], {}, folder / f"{mode}.log")
        wait_for(self._answers, 20, f"the servers under {mode}")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.output()
        with contextlib.suppress(OSError):
            return bool(self.state())
        return False

    def state(self, sid: str = "") -> dict[str, Any]:
        """What happened to a session so far."""
        url = f"http://127.0.0.1:{self.port}/state?sid={sid}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            state: dict[str, Any] = json.loads(answer.read())
            return state

    def events(self, sid: str) -> list[str]:
        """What the handlers were told about a session so far."""
        events: list[str] = self.state(sid)["events"]
        return events

    def end_of(self, sid: str) -> str:
        """Wait until the handlers were told of a session's end, once; the reason."""
        wait_for(
            lambda: self.events(sid)[-1:] not in (["connect"], ["message"], ["echo"]), 5, "end"
        )
        events = self.events(sid)
        ends = [event for event in events if event not in ("connect", "message", "echo")]
        assert 1 == len(ends), events
        return ends[0]

    def wait_for_request(self, sid: str, method: str) -> None:
        """Wait until such a request has come in and is not answered yet."""
        wait_for(lambda: method in self.state(sid)["inside"], 5, f"a {method}")


class LeakCheck:
    """What a process may not do however it is treated: keep anything, or fill its log."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._descriptors = len(descriptors(served.pid))
        self._logged = len(served.output())
        self._began = time.monotonic()

    def end(self) -> None:
        """Wait until nothing is left of the clients; then look what was logged."""
        served = self._served
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not served.state()["open"], 5)
        assert [] == served.state()["open"]
        most = self._descriptors + _SLACK
        wait_for(lambda: len(descriptors(served.pid)) <= most, 5, "the end of the connections")
        logged = served.output()[self._logged :]
        seconds = time.monotonic() - self._began
        assert "Traceback" not in logged, logged[-3000:]
        assert len(logged.splitlines()) <= 1 + seconds, logged
