import os
import socket
import threading

import pytest

from omcrm.drill.cost import cost


def test_what_is_held_is_counted() -> None:
    """One more thread, one more file, two more sockets, and a process has memory."""
    before, done = cost(os.getpid()), threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    pair, file = socket.socketpair(), os.open(os.devnull, os.O_RDONLY)
    after = cost(os.getpid())
    done.set()
    thread.join()
    os.close(file)
    for each in pair:
        each.close()

    assert 1 == after.threads - before.threads
    assert 3 == after.descriptors - before.descriptors
    assert 2 == after.sockets - before.sockets
    assert after.memory > 1


def test_who_is_gone_has_no_cost() -> None:
    """That is an error, not a zero."""
    with pytest.raises(OSError, match="No such file"):
        cost(2**22 + 1)
