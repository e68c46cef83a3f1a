"""A listening socket that refuses connections as long as nobody serves them.

A connection that waits in its queue keeps a client waiting: a balancer that is refused asks the
next process at once.
"""

import contextlib
import socket
from typing import Any


def refuse(listener: Any) -> None:
    """Refuse connections until `listen`; those in the queue are reset.

    The address stays taken, unless its port was chosen by the system.
    """
    if listener.family in (socket.AF_INET, socket.AF_INET6):
        # Linux; other systems have no such state, and leave the clients in the queue.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def listen(listener: Any, backlog: int) -> None:
    """Take connections, with so many in the queue, unless it does already."""
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.listen(backlog)
