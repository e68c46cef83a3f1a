"""The built-in exchange as a child process, for as long as this process lives."""

import logging
import re
import subprocess
import sys
import threading

from omcrm.env_file import ROOT

_log = logging.getLogger(__name__)

_LISTENING = re.compile(r"ws://\S+:(\d+)")
_LOOK_EVERY = 1.0
# Where it cannot be started again, the next attempts come later and later.
_LONGEST_PAUSE = 60.0
_GOODBYE = 3.0


class ExchangeProcess:
    """Starts the exchange on a free port, and again on the same one if it dies; `options` are its
    command's."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()

    def start(self) -> str:
        """The URL at which it now listens; raises ChildProcessError where it does not start."""
        process = self._spawn()
        threading.Thread(target=self._watch, args=(process,), name="exchange", daemon=True).start()
        return f"ws://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The number of the process that runs now; 0 where none does."""
        return self._process.pid if self._process is not None else 0

    def stop(self) -> None:
        """End it; harmless where it does not run."""
        self._stopped.set()
        if self._process is not None:
            _end(self._process)

    def _spawn(self) -> "subprocess.Popen[str]":
        command = [sys.executable, str(ROOT / "manage.py"), "exchange", "--port", str(self._port)]
        self._process = process = subprocess.Popen(
            # It ends when its standard input does: also where this process is killed.
            [*command, "--exit-with-stdin", *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            # An interrupt from the keyboard is for this process, which then ends it.
            start_new_session=True,
        )
        if self._stopped.is_set():
            # `stop` came in between and has ended the one before.
            _end(process)
        assert process.stdout is not None
        child = None if process.stdout.closed else _LISTENING.search(process.stdout.readline())
        if child is None:
            _end(process)
            raise ChildProcessError("the built-in exchange did not start")
        self._port = int(child[1])
        return process

    def _watch(self, process: "subprocess.Popen[str]") -> None:
        pause = _LOOK_EVERY
        # Asked, not waited for: waiting would block every green thread.
        while not self._stopped.wait(pause):
            if process.poll() is None:
                continue
            _log.warning("the built-in exchange ended (%s): starting it again", process.returncode)
            _end(process)
            try:
                process, pause = self._spawn(), _LOOK_EVERY
            except OSError as error:
                pause = min(pause * 2, _LONGEST_PAUSE)
                if not self._stopped.is_set():
                    _log.error("%s: next attempt in %.0f s", error, pause)


def _end(process: "subprocess.Popen[str]") -> None:
    """End a process, if it has not ended, and give back its pipes."""
    process.terminate()
    try:
        process.wait(_GOODBYE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
