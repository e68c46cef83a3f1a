"""gunicorn's worker on eventlet's green threads; gunicorn itself has none since version 26.

`gunicorn.conf.py` registers it as `eventlet`.
"""

import os
import sys
import time
from functools import partial
from typing import Any

from gunicorn.sock import ssl_context
from gunicorn.workers.base_async import AsyncWorker

from omcrm.concurrency import patch, without_deprecation
from omcrm.process import REQUEST_PATIENCE

with without_deprecation():
    import eventlet
    from eventlet import greenio, wsgi

_BEAT = 1.0
# So long a client may take to agree on TLS.
_HANDSHAKE = 10.0
# The master kills what is still there after the grace period; the feeds want to end before.
_RESERVE = 2.0
# After the master's word to stop, waiting requests are looked after so often.
_LOOK_EVERY = 0.05


class EventletWorker(AsyncWorker):  # type: ignore[misc]
    """Accepts in one green thread per listener and serves each connection in its own."""

    def init_process(self) -> None:
        """Patch, then load the app."""
        patch("eventlet")
        # The master's hub must not be shared over the fork.
        eventlet.hubs.use_hub()
        super().init_process()

    def run(self) -> None:
        """Serve until told to stop, then let the connections end for a while."""
        pool = eventlet.GreenPool(self.worker_connections)
        acceptors = [eventlet.spawn(self._accept, listener, pool) for listener in self.sockets]
        while self.alive:
            self.notify()
            eventlet.sleep(_BEAT)
        for acceptor in acceptors:
            acceptor.kill()
        self._drain(pool)

    def notify(self) -> None:
        """Show the master that this worker lives; stop where the master does not."""
        super().notify()
        if self.ppid != os.getppid():
            self.alive = False

    def timeout_ctx(self) -> Any:
        """How long a connection may wait for its next request."""
        return eventlet.Timeout(self.cfg.keepalive or None, False)

    def is_already_handled(self, respiter: Any) -> bool:
        """Whether the app took the socket itself, as a WebSocket does."""
        if getattr(wsgi.WSGI_LOCAL, "already_handled", False):
            raise StopIteration
        return bool(super().is_already_handled(respiter))

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Outside the signal's own frame, where nothing may block."""
        eventlet.spawn(super().handle_quit, sig, frame)

    def handle_usr1(self, sig: int, frame: Any) -> None:
        """Outside the signal's own frame, where nothing may block."""
        eventlet.spawn(super().handle_usr1, sig, frame)

    def _accept(self, listener: Any, pool: eventlet.GreenPool) -> None:
        green = greenio.GreenSocket(listener.sock)
        serve = partial(self._serve, listener)
        while True:
            try:
                client, address = green.accept()
            except OSError as error:
                # Out of descriptors, most likely: the listener stays, and some will be given back.
                self.log.warning("accepting failed: %s", error)
                eventlet.sleep(_LOOK_EVERY)
                continue
            pool.spawn_n(serve, client, address)
            # A crowd that comes at once waits, and those who are in do not.
            eventlet.sleep(0)

    def _serve(self, listener: Any, client: Any, address: Any) -> None:
        try:
            client.settimeout(_HANDSHAKE)
            if self.cfg.is_ssl:
                client = ssl_context(self.cfg).wrap_socket(client, server_side=True)
            client.settimeout(REQUEST_PATIENCE)
            self.handle(listener, client, address)
        except OSError as error:
            self.log.debug("no TLS with %s: %s", address, error)
            client.close()
        except (SystemExit, eventlet.greenlet.GreenletExit):
            return

    def _drain(self, pool: eventlet.GreenPool) -> None:
        until = time.monotonic() + max(0.0, self.cfg.graceful_timeout - _RESERVE)
        while pool.running() and time.monotonic() < until:
            self.notify()
            eventlet.sleep(_LOOK_EVERY)
        if pool.running():
            self.log.warning("%d connections cut at the end", pool.running())
        sys.stdout.flush()
