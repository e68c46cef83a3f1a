"""A connection listener that records all events."""

import threading
from collections.abc import Callable


class RecordingListener:
    """Records events; `answer` is called with each message in the reactor's thread."""

    def __init__(self, answer: Callable[[str | bytes], None] | None = None) -> None:
        self.messages: list[str | bytes] = []
        self.writables = 0
        self.losses = 0
        self.ends = 0
        self.end = threading.Event()
        self._answer = answer

    def received(self, message: str | bytes) -> None:
        """Record a message."""
        self.messages.append(message)
        if self._answer is not None:
            self._answer(message)

    def writable(self) -> None:
        """Count the call."""
        self.writables += 1

    def lost(self) -> None:
        """Count the call."""
        self.losses += 1

    def closed(self) -> None:
        """Count the call and set `end`."""
        self.ends += 1
        self.end.set()
