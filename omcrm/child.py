"""The built-in exchange as a child process, for as long as this process lives."""

import re
import subprocess
import sys
import threading

from omcrm.settings import ROOT

_LISTENING = re.compile(r"ws://\S+:(\d+)")
_LOOK_EVERY = 1.0


class ExchangeProcess:
    """Starts the exchange on a free port, and again on the same one if it dies."""

    def __init__(self) -> None:
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()

    def start(self) -> str:
        """The URL at which the exchange now listens."""
        self._spawn()
        threading.Thread(target=self._watch, name="exchange", daemon=True).start()
        return f"ws://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """End it."""
        self._stopped.set()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=3)

    def _spawn(self) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), "exchange", "--port", str(self._port)]
        # It ends when its standard input does: also where this process is killed.
        self._process = subprocess.Popen(
            [*command, "--exit-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        found = _LISTENING.search(self._process.stdout.readline())
        if found is None:
            raise RuntimeError("the built-in exchange did not start")
        self._port = int(found[1])

    def _watch(self) -> None:
        while self._process is not None and not self._stopped.is_set():
            # Asked, not waited for: waiting would block every green thread.
            if not self._stopped.wait(_LOOK_EVERY) and self._process.poll() is not None:
                self._spawn()
