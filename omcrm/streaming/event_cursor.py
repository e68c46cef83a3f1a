"""How far one client is in the events to its user."""

import time
from datetime import UTC, datetime

from omcrm.wire.user_event import ResumeAfter

# A client that comes back has so many seconds to send its resume before events are sent to it:
# otherwise newer ones would precede those that it missed.
RESUME_WITHIN = 1.0


class EventCursor:
    """The number of the last event that was sent to a client, and the resume it has asked for.

    `sent` is changed by the delivering thread alone; None before its first look.
    """

    __slots__ = ("_held_until", "_resume", "connected_at", "sent")

    def __init__(self) -> None:
        self.sent: int | None = None
        self.connected_at = datetime.now(UTC)
        self._held_until = time.monotonic() + RESUME_WITHIN
        self._resume: ResumeAfter | None = None

    def ask(self, resume: ResumeAfter) -> None:
        """Ask for the events after a number, or for those from now on."""
        self._resume = resume

    def take_resume(self) -> ResumeAfter | None:
        """The resume that was asked for, once; None without one."""
        resume, self._resume = self._resume, None
        if resume is not None:
            self._held_until = 0.0
        return resume

    def is_due(self, last: int, now: float) -> bool:
        """Whether there is anything to send: an answer, or events up to the number `last`, which
        wait for a resume first."""
        if self._resume is not None:
            return True
        return now >= self._held_until and self.sent is not None and self.sent < last
