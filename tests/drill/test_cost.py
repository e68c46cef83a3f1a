import subprocess
import sys

import pytest

from omcrm.drill.cost import cost

_TAKES_MORE = """
import os, socket, threading
print("begun", flush=True)
input()
threading.Thread(target=threading.Event().wait, daemon=True).start()
held = [socket.socketpair(), os.open(os.devnull, os.O_RDONLY)]
print("taken", flush=True)
input()
"""


def test_what_is_held_is_counted() -> None:
    """One more thread, one more file, two more sockets, and a process has memory."""
    command = [sys.executable, "-c", _TAKES_MORE]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        assert process.stdin
        assert process.stdout
        assert "begun\n" == process.stdout.readline()
        before = cost(process.pid)
        process.stdin.write("\n")
        assert "taken\n" == process.stdout.readline()
        after = cost(process.pid)
        process.stdin.write("\n")

    assert 1 == after.threads - before.threads
    assert 3 == after.descriptors - before.descriptors
    assert 2 == after.sockets - before.sockets
    assert after.memory > 1


def test_who_is_gone_has_no_cost() -> None:
    """That is an error, not a zero."""
    with pytest.raises(OSError, match="No such file"):
        cost(2**22 + 1)
