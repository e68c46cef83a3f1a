import subprocess
import sys

import pytest

from simulator.drill.resource_use import resource_use

_TAKES_MORE = """
import os, socket, threading
print("begun", flush=True)
input()
threading.Thread(target=threading.Event().wait, daemon=True).start()
held = [socket.socketpair(), os.open(os.devnull, os.O_RDONLY)]
print("taken", flush=True)
input()
"""


def test_resources_are_counted() -> None:
    """One more thread, one more file, two more sockets, and some memory."""
    command = [sys.executable, "-c", _TAKES_MORE]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        assert process.stdin
        assert process.stdout
        assert "begun\n" == process.stdout.readline()
        before = resource_use(process.pid)
        process.stdin.write("\n")
        assert "taken\n" == process.stdout.readline()
        after = resource_use(process.pid)
        process.stdin.write("\n")

    assert 1 == after.threads - before.threads
    assert 3 == after.descriptors - before.descriptors
    assert 2 == after.sockets - before.sockets
    assert after.memory > 1


def test_an_ended_process_is_an_error() -> None:
    """Not a use of zero."""
    with pytest.raises(OSError, match="No such file"):
        resource_use(2**22 + 1)
