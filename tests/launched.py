"""The app as a process of `run.py`, observed from outside."""

import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import requests

from tests.process_table import children, is_running
from tests.processes import PATIENCE, Process, free_port, wait_for

# The product's own timeouts are below ten seconds; the rest is for a busy machine.
LONGEST_STOP = PATIENCE
# No process listens there, so the connection is refused at once.
NOWHERE = "ws://127.0.0.1:1"


class Launched(Process):
    """`run.py` on its own instance; it may fail to start."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *command: str) -> None:
        text = environ.get("PORT", "")
        self.port = int(text) if text.isdecimal() else free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.instance = folder / "instance"
        own = {
            "OMCRM_INSTANCE": str(self.instance),
            "OMCRM_DEMO": "true",
            "OMCRM_EXCHANGE_URL": "",
            "OMCRM_ASYNC": "eventlet",
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "PUBLIC_URL": "",
            "DATABASE_URL": "",
            "BINANCE_WS_URL": NOWHERE,
            "REALTIME_SOURCES": "binance",
            "FEED_STATE_DIR": str(folder / "feeds"),
            "LOG_LEVEL": "INFO",
        }
        log = folder / f"launched-{self.port}-{time.monotonic_ns()}.log"
        super().__init__([sys.executable, *(command or ("run.py",))], {**own, **environ}, log)

    def wait_until_up(self) -> None:
        """Wait for the last line of the announcement, and for an answer."""
        wait_for(lambda: "Stop with Ctrl-C." in self.output() or self.died(), 40, "the launch")
        wait_for(self.answers, 10, "an answer")

    def died(self) -> bool:
        """False while it runs; fails where it has ended."""
        assert self.process.poll() is None, self.output()
        return False

    def answers(self) -> bool:
        """Whether it answers."""
        try:
            return requests.get(f"{self.base}/healthz", timeout=PATIENCE).ok
        except requests.RequestException:
            return False

    def end(self) -> int:
        """The exit status, after it ends by itself."""
        return self.process.wait(PATIENCE)

    def family(self) -> set[int]:
        """The processes it started."""
        return children(self.pid)

    def sources(self) -> dict[str, str]:
        """The announced status of each source."""
        return dict(re.findall(r"^  (binance|simulated) +(.+)$", self.output(), re.MULTILINE))

    def logins(self) -> list[tuple[str, str, str]]:
        """The announced roles, addresses and passwords."""
        return re.findall(r"^  (\w+) +(\S+@\S+)  (\S+)$", self.output(), re.MULTILINE)


class Launcher:
    """Launches the app in a folder at each call; ends all of them in any case."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._launched: list[Launched] = []

    def __call__(self, *command: str, **environ: str) -> Launched:
        self._launched.append(Launched(self._folder, environ, *command))
        return self._launched[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._launched:
            family = child.family()
            if child.process.poll() is None:
                child.process.kill()
                child.process.wait()
            wait_for(lambda family=family: not any(map(is_running, family)), 5, "all to be gone")
