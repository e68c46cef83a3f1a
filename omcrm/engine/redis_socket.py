"""A connection to Redis for what is sent and received all the time.

The library opens it, with TLS and the password; its layers above the socket would cost several
times what the work costs. This is the one file that knows its inside.
"""

import contextlib
import socket
from typing import Any

import hiredis
from redis import ConnectionError as RedisConnectionError
from redis import ResponseError

from omcrm.engine.redis_connection import connect_redis

_AT_ONCE = 65_536


class RedisSocket:
    """Commands out, answers and messages in. For one thread."""

    def __init__(self, url: str, timeout: float) -> None:
        self._client = connect_redis(url, timeout)
        self._timeout = timeout
        self._connection: Any = None
        self._socket: Any = None
        self._reader = hiredis.Reader()
        self._awaited = 0
        self._set_timeout = timeout

    @property
    def is_open(self) -> bool:
        """Whether it was opened and not closed."""
        return self._socket is not None

    def open(self) -> None:
        """Connect and log in."""
        self.close()
        self._connection = self._client.connection_pool.make_connection()
        self._connection.connect()
        self._socket = self._connection._sock
        self._socket.settimeout(self._timeout)
        self._set_timeout = self._timeout
        self._reader, self._awaited = hiredis.Reader(), 0

    def close(self) -> None:
        """End the connection; twice is once."""
        connection, self._connection, self._socket = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.disconnect()
            self._client.connection_pool.reset()

    def send(self, *words: str | bytes) -> None:
        """Send a command without waiting for its answer."""
        # Its stub allows one word only.
        self._socket.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]
        self._awaited += 1

    def confirm(self) -> None:
        """Wait for the answers to all that was sent; raises where one is an error."""
        while self._awaited:
            answer = self.receive(self._timeout)
            if answer is None:
                raise TimeoutError(f"no answer within {self._timeout:.0f} s")
            self._awaited -= 1

    def receive(self, seconds: float) -> Any:
        """The next answer or message; None where none comes within so many seconds."""
        answer = self._reader.gets()
        if answer is False:
            answer = self._read(seconds)
        if isinstance(answer, hiredis.ReplyError):
            raise ResponseError(str(answer))
        return answer

    def _read(self, seconds: float) -> Any:
        connection = self._socket
        if seconds != self._set_timeout:
            connection.settimeout(seconds)
            self._set_timeout = seconds
        try:
            while (answer := self._reader.gets()) is False:
                data = connection.recv(_AT_ONCE)
                if not data:
                    raise RedisConnectionError("the server closed the connection")
                self._reader.feed(data)
        except (TimeoutError, socket.timeout):  # noqa: UP041
            # What came of an answer stays with the reader.
            return None
        return answer
