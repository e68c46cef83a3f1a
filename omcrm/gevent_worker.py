"""gunicorn's worker on gevent's green threads, which here waits for nobody for ever.

`gunicorn.conf.py` registers it as `gevent`.
"""

from typing import Any

from gevent.server import StreamServer
from gunicorn.workers import ggevent
from gunicorn.workers.base_async import AsyncWorker

from omcrm.process import REQUEST_PATIENCE


class GeventWorker(ggevent.GeventWorker):  # type: ignore[misc]
    """Accepts one client at a time, and lets none be silent in the middle of a request."""

    def init_process(self) -> None:
        """A crowd that comes at once waits, and those who are in do not."""
        StreamServer.max_accept = 1
        super().init_process()

    def handle(self, listener: Any, client: Any, address: Any) -> None:
        """Serve a connection; gunicorn's own would take the time limit off."""
        client.settimeout(REQUEST_PATIENCE)
        AsyncWorker.handle(self, listener, client, address)
