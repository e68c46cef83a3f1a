"""Which frames of other processes are taken, and what is missing between them."""

from enum import Enum, auto

from msgspec import Struct

from omcrm.engine.bus import Demand, RemoteMessage
from omcrm.engine.bus_frame import BusFrame, SnapshotHead

# More processes than an installation has; beyond, the one that was silent for longest is forgotten.
_MOST_SENDERS = 500


class Arrival(Enum):
    """How a frame fits to those before."""

    NEXT = auto()
    GAP = auto()
    REFUSED = auto()


class FrameOrder:
    """The numbers of the leader's frames. Not thread-safe.

    A frame of a lower token than the highest is refused: its sender does not lead any more.
    """

    def __init__(self) -> None:
        self.token = 0
        self.epoch = ""
        self._seq = 0
        # Up to which frame a snapshot has to be read again; None where nothing is missing.
        self._missing: int | None = None

    @property
    def is_missing(self) -> bool:
        """Whether quotes are missing that a snapshot has."""
        return self._missing is not None

    def note(self, frame: BusFrame) -> Arrival:
        """Take a frame of a leader in; after a gap its quotes count, but others are missing."""
        if frame.token < self.token:
            return Arrival.REFUSED
        is_new = frame.token > self.token or frame.epoch != self.epoch
        number = 1 if frame.quotes else 0
        if not is_new and frame.quote_seq < self._seq + number:
            # One that a snapshot had already.
            return Arrival.NEXT
        before = frame.quote_seq - number
        has_gap = is_new or before != self._seq
        self.token, self.epoch, self._seq = frame.token, frame.epoch, frame.quote_seq
        if not has_gap:
            return Arrival.NEXT
        self._missing = before
        return Arrival.GAP

    def note_snapshot(self, head: SnapshotHead) -> bool:
        """Take a snapshot in; False where it is of a lower token, and not to be used."""
        if head.token < self.token:
            return False
        if head.token > self.token or not self.epoch:
            self.token, self.epoch, self._seq = head.token, head.epoch, head.quote_seq
            self._missing = None
            return True
        if head.epoch == self.epoch:
            self._seq = max(self._seq, head.quote_seq)
            if self._missing is not None and head.quote_seq >= self._missing:
                self._missing = None
        return True

    def note_break(self) -> None:
        """Note that frames may have been missed: everything after the last one is missing."""
        self._missing = self._seq


class _Sender(Struct):
    heard_at: float
    next_message: int
    views: set[str]


class Senders:
    """The other processes, by their heartbeats. Not thread-safe; times are monotonic."""

    def __init__(self) -> None:
        self._senders: dict[str, _Sender] = {}

    def __len__(self) -> int:
        return len(self._senders)

    def note(self, frame: BusFrame, now: float) -> tuple[Arrival, tuple[RemoteMessage, ...], bool]:
        """Take a frame in: whether messages are missing, those that are new, and whether its
        sender is."""
        sender = self._senders.get(frame.sender)
        is_new = sender is None
        if sender is None:
            if len(self._senders) >= _MOST_SENDERS:
                del self._senders[min(self._senders, key=lambda name: self._senders[name].heard_at)]
            sender = _Sender(now, frame.message_seq, set())
            self._senders[frame.sender] = sender
        sender.heard_at = now
        known = sender.next_message - frame.message_seq
        messages = frame.messages[known:] if known > 0 else frame.messages
        sender.next_message = max(sender.next_message, frame.message_seq + len(frame.messages))
        for message in messages:
            if isinstance(message, Demand):
                sender.views.add(message.view)
        return (Arrival.GAP if known < 0 else Arrival.NEXT), messages, is_new

    def take_silent(self, before: float) -> list[Demand]:
        """Forget the processes without a heartbeat since `before`; what they do not want now."""
        silent = [name for name, sender in self._senders.items() if sender.heard_at < before]
        ended = [self._senders.pop(name) for name in silent]
        return [Demand(view, frozenset()) for sender in ended for view in sorted(sender.views)]
