"""A real Redis that can be killed, frozen and started again."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from redis import AuthenticationError, Redis, RedisError

from simulator.drill.processes.server_process import PATIENCE, wait_until

PROGRAM = "redis-server"


class RedisServer:
    """A server without a file: after a restart it is empty."""

    def __init__(self, port: int, *options: str) -> None:
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="omcrm-redis-"))
        self.port = port
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = Redis(port=self.port, socket_timeout=PATIENCE)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                *(shutil.which(PROGRAM) or PROGRAM, "--bind", "127.0.0.1"),
                *("--port", str(self.port), "--save", "", "--dir", str(self._folder)),
                *self._options,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(self._answers, "Redis")

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it hang: it accepts connections and answers nothing."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self._process.pid, signal.SIGCONT)

    def cut_off(self) -> None:
        """Close all connections of others."""
        self.client.client_kill_filter(skipme=True)
        self.client.client_kill_filter(_type="pubsub")

    def remove(self) -> None:
        """End it, and leave nothing."""
        self.client.close()
        self.kill()
        shutil.rmtree(self._folder)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except AuthenticationError:
            # It has a password, which its user has.
            return True
        except RedisError:
            return False
