"""How far one client is in the events to its user."""

import time
from datetime import UTC, datetime

# A client that comes back has so many seconds to send its resume before events are sent to it:
# otherwise newer ones would precede those that it missed.
RESUME_WITHIN = 1.0


class EventCursor:
    """The number of the last event that was sent to a client, and the resume it has asked for.

    `sent` is None before the first look; it is changed by the delivering thread alone.
    """

    __slots__ = ("_asked", "_held_until", "connected_at", "sent")

    def __init__(self) -> None:
        self.sent: int | None = None
        self.connected_at = datetime.now(UTC)
        self._held_until = time.monotonic() + RESUME_WITHIN
        # A tuple, so that "from now on" differs from not having asked.
        self._asked: tuple[int | None] | None = None

    def ask(self, since: int | None) -> None:
        """Ask for the events after this number; None for those from now on."""
        self._asked = (since,)

    def take_resume(self) -> tuple[int | None] | None:
        """The resume that was asked for, once; None without one."""
        asked, self._asked = self._asked, None
        if asked is not None:
            self._held_until = 0.0
        return asked

    def is_held(self, now: float) -> bool:
        """Whether events wait for a resume still."""
        return self._asked is None and now < self._held_until
