"""Serves HTTP on any kind of threads: accepts, reads requests with gunicorn's parser, answers.

`run.py` makes one in its own process (`serving.server`), gunicorn one in each of its workers:
`gunicorn.conf.py` registers the three classes under the names `eventlet`, `gevent` and `gthread`.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar
from wsgiref.types import StartResponse, WSGIEnvironment

from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.http import get_parser
from gunicorn.http.errors import NoMoreData
from gunicorn.sock import ssl_wrap_socket
from gunicorn.workers.base_async import AsyncWorker

from omcrm.concurrency import native_lock, patch, renew_hub, spawn
from omcrm.errors import SettingError
from omcrm.serving.body import RequestBody, has_arrived
from omcrm.serving.deadlines import Deadlines, shut_down
from omcrm.serving.listener import listen
from omcrm.serving.quiet_log import QuietLog
from omcrm.serving.read_config import ReadConfig

# Deadlines of one request in seconds: from the first byte to the end of the head (TLS included),
# from there to the end of the body, and from the answer's start to its end.
HEAD, BODY, ANSWER = 20.0, 60.0, 300.0

# Kept of the grace period for the feeds to stop, before the master kills the worker.
_RESERVE = 2.0
# How often the main thread checks whether it is to stop, and then whether all have ended.
_CHECK_EVERY, _ENDED_EVERY = 1.0, 0.05
# So many connections are accepted in a row: each one's handshake runs before the next of them, and
# what runs several times in a row is faster.
_IN_A_ROW = 4
# Wait this long for free descriptors or connections before accepting again.
_PAUSE = 0.05


class HttpWorker(AsyncWorker):  # type: ignore[misc]
    """Serves each connection in a thread of its own, green or not.

    `before_app` is called before gunicorn loads the app. `at_end` is called repeatedly while the
    worker ends: it closes detached connections and returns how many are still open.
    """

    mode: ClassVar[str]
    most: ClassVar[int] = 20_000

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.before_app: Callable[[], None] = lambda: None
        self.at_end: Callable[[], int] = lambda: 0
        self._deadlines = Deadlines()
        self._idle: set[Any] = set()
        self._open = 0
        self._accepting = 0
        self._counting = native_lock()

    def init_process(self) -> None:
        """Patch the process that gunicorn has just forked, then load the app and run."""
        patch(self.mode)
        # The master's hub must not be shared over the fork.
        renew_hub(self.mode)
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the app; for a wrong setting log one line and make gunicorn give up."""
        try:
            self.before_app()
            super().load_wsgi()
        except (SettingError, ChildProcessError) as error:
            self.log.error("%s", error)
            sys.exit(Arbiter.APP_LOAD_ERROR)

    def run(self) -> None:
        """Serve until `alive` is false or the main thread is made to exit; then end gracefully."""
        self.log: Any = QuietLog(self.log)
        self.cfg: Any = ReadConfig(self.cfg)
        self._app: Any = self.wsgi
        self.wsgi: Any = self._limited
        # Not earlier: it must be of this process's kind of threads.
        self._ended = threading.Event()
        self._begin(self._deadlines.run, self._ended)
        self._accepting = len(self.sockets)
        for listener in self.sockets:
            listen(listener, self.cfg.backlog)
            self._begin(self._accept, listener)
        try:
            while self.alive:
                self.notify()
                self._ended.wait(_CHECK_EVERY)
        finally:
            self._end()

    def stop(self) -> None:
        """Let `run` end; from any thread."""
        self.alive = False
        self._ended.set()

    def notify(self) -> None:
        """Send the master a heartbeat; stop if the master is gone."""
        super().notify()
        if self.ppid is not None and self.ppid != os.getppid():
            self.alive = False

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Stop without a grace period; gunicorn's own handler would block in the signal's frame."""
        self.cfg.set("graceful_timeout", 0)
        self.alive = False

    def handle_usr1(self, sig: int, frame: Any) -> None:
        """Reopen the log files outside the signal's own frame, where nothing may block."""
        spawn(self.log.reopen_files)

    def _begin(self, function: Callable[..., None], *args: Any) -> None:
        threading.Thread(target=function, args=args, name="http", daemon=True).start()

    # A connection

    def _accept(self, original: Any) -> None:
        listener = _patched(original)
        listener.settimeout(_CHECK_EVERY)
        # Now: the last connections are served after the listener is closed.
        name = listener.getsockname()
        accepted = 0
        while self.alive:
            if self._open >= min(self.most, self.worker_connections):
                time.sleep(_PAUSE)
                continue
            try:
                client, address = listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                self.log.warning("accepting failed: %s", error)
                time.sleep(_PAUSE)
                continue
            with self._counting:
                self._open += 1
            spawn(self._serve, name, client, address)
            accepted += 1
            # Yields after a few, so that many new clients do not delay the connected ones.
            if accepted % _IN_A_ROW == 0:
                time.sleep(0)
        # Both, so that new clients are refused while those of before get their answers.
        listener.close()
        original.close()
        with self._counting:
            self._accepting -= 1

    def _serve(self, listener_name: Any, client: Any, address: Any) -> None:
        try:
            client.setblocking(True)
            if self.cfg.is_ssl:
                client = ssl_wrap_socket(client, self.cfg)
            self.handle(listener_name, client, address)
        except OSError as error:
            self.log.debug("no TLS with %s: %s", address, error)
        finally:
            self._idle.discard(client)
            self._deadlines.clear(client)
            util.close(client)
            with self._counting:
                self._open -= 1

    def handle(self, listener_name: Any, client: Any, address: Any) -> None:
        """Answer a connection's requests, one after the other."""
        request = None
        try:
            self._deadlines.set(client, HEAD)
            if self.cfg.is_ssl:
                client.do_handshake()
            incoming = _Incoming(client, self._request_began)
            parser = get_parser(self.cfg, incoming, address)
            while True:
                request = None
                request = next(parser)
                self.handle_request(listener_name, request, client, address)
                self._deadlines.set(client, self.cfg.keepalive)
                self._idle.add(client)
                incoming.expected = True
        except (StopIteration, NoMoreData) as end:
            self.log.debug("connection of %s ends: %r", address, end)
        except OSError as error:
            self.log.debug("connection of %s is lost: %s", address, error)
        except Exception as error:
            self._refuse(request, client, address, error)

    def handle_request(self, listener_name: Any, request: Any, client: Any, address: Any) -> Any:
        """Answer one request; raises StopIteration if the connection ends with it."""
        if has_arrived(request.body.reader):
            self._deadlines.clear(client)
        else:
            self._deadlines.set(client, BODY)
        return super().handle_request(listener_name, request, client, address)

    def _limited(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The app, with a deadline from the start of the answer."""
        client = environ["gunicorn.socket"]
        arrived = partial(self._deadlines.clear, client)
        environ["wsgi.input"] = RequestBody(environ["wsgi.input"], arrived)

        def begin(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            self._deadlines.set(client, ANSWER)
            return start_response(status, headers, exc_info)

        answer: Iterable[bytes] = self._app(environ, begin)
        return answer

    def _request_began(self, client: Any) -> None:
        """The first byte of the next request arrived on a kept connection."""
        self._idle.discard(client)
        self._deadlines.set(client, HEAD)

    def _refuse(self, request: Any, client: Any, address: Any, error: Exception) -> None:
        self._deadlines.set(client, HEAD)
        self.handle_error(request, client, address, error)
        # Reads the remaining input: with unread input the system would discard the answer.
        util.close_graceful(client)

    # The end

    def _end(self) -> None:
        self.alive = False
        until = time.monotonic() + max(0.0, self.cfg.graceful_timeout - _RESERVE)
        # Before connections are closed: who comes back shall find another process, not this one.
        while self._accepting and time.monotonic() < until:
            self.notify()
            time.sleep(_ENDED_EVERY)
        while True:
            for client in tuple(self._idle):
                shut_down(client)
            if not self.at_end() + self._open or time.monotonic() > until:
                break
            self.notify()
            time.sleep(_ENDED_EVERY)
        self._ended.set()
        self.tmp.close()
        if self._open:
            self.log.warning("%d connections cut at the end", self._open)


class _Incoming:
    """A client's input; reports the first bytes of each `expected` request."""

    def __init__(self, client: Any, request_began: Callable[[Any], None]) -> None:
        self._client = client
        self._request_began = request_began
        self.expected = False

    def recv(self, size: int) -> bytes:
        """Receive up to `size` bytes, like a socket."""
        data: bytes = self._client.recv(size)
        if self.expected and data:
            self.expected = False
            self._request_began(self._client)
        return data


def _patched(listener: Any) -> socket.socket:
    """The listener as a socket of this process's kind of threads; gunicorn's is unpatched."""
    original = getattr(listener, "sock", listener)
    descriptor = os.dup(original.fileno())
    return socket.socket(original.family, original.type, original.proto, fileno=descriptor)


class EventletWorker(HttpWorker):
    """The worker on eventlet's green threads."""

    mode = "eventlet"


class GeventWorker(HttpWorker):
    """The worker on gevent's green threads."""

    mode = "gevent"


class ThreadWorker(HttpWorker):
    """The worker on the system's threads, one per connection."""

    mode = "threading"
    most = 4_000


WORKERS: dict[str, type[HttpWorker]] = {
    worker.mode: worker for worker in (EventletWorker, GeventWorker, ThreadWorker)
}
"""The worker of each kind of threads."""
