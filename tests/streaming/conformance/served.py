"""The process under test, with the events of its handlers and its log."""

import contextlib
import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.process_table import descriptors
from tests.processes import PATIENCE, Process, free_port, wait_for

# Descriptors that may still be open shortly after the end of their connections.
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
        """The events of a session so far, and the state of the servers."""
        url = f"http://127.0.0.1:{self.port}/state?sid={sid}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            state: dict[str, Any] = json.loads(answer.read())
            return state

    def events(self, sid: str) -> list[str]:
        """The events of a session's handlers so far."""
        events: list[str] = self.state(sid)["events"]
        return events

    def end_of(self, sid: str) -> str:
        """Wait for the disconnect event of a session, which must be a single one; its reason."""
        wait_for(
            lambda: self.events(sid)[-1:] not in (["connect"], ["message"], ["echo"]), 5, "end"
        )
        events = self.events(sid)
        ends = [event for event in events if event not in ("connect", "message", "echo")]
        assert 1 == len(ends), events
        return ends[0]

    def wait_for_request(self, sid: str, method: str) -> None:
        """Wait until the server handles such a request."""
        wait_for(lambda: method in self.state(sid)["inside"], 5, f"a {method}")


class LeakCheck:
    """Checks that a process leaks no sessions or descriptors and does not flood its log."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._descriptors = len(descriptors(served.pid))
        self._logged = len(served.output())
        self._began = time.monotonic()

    def end(self) -> None:
        """Wait until nothing is left of the clients; then check the log."""
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
