"""A listener of connections that remembers everything it is told."""

import threading
from collections.abc import Callable


class RecordingListener:
    """Remembers what came; `answer` is called with each message in the reactor's thread."""

    def __init__(self, answer: Callable[[str | bytes], None] | None = None) -> None:
        self.messages: list[str | bytes] = []
        self.writables = 0
        self.losses = 0
        self.ends = 0
        self.end = threading.Event()
        self._answer = answer

    def received(self, message: str | bytes) -> None:
        """A whole message came."""
        self.messages.append(message)
        if self._answer is not None:
            self._answer(message)

    def writable(self) -> None:
        """The peer reads again."""
        self.writables += 1

    def lost(self) -> None:
        """Events were dropped."""
        self.losses += 1

    def closed(self) -> None:
        """The connection is over."""
        self.ends += 1
        self.end.set()
