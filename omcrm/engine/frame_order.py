"""Which frames of other processes are taken, and what is missing between them."""

from enum import Enum, auto

from msgspec import Struct

from omcrm.engine.bus import ConnectionCounts, Demand, RemoteMessage
from omcrm.engine.bus_frame import BusFrame, SnapshotHead

# More processes than an installation has; beyond, the one that was silent for longest is forgotten.
_MOST_SENDERS = 500


class Continuity(Enum):
    """How a frame fits to those before; what is LOST cannot be had again from its sender."""

    NEXT = auto()
    GAP = auto()
    LOST = auto()
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

    def note(self, frame: BusFrame) -> Continuity:
        """Take a frame of a leader in; after a gap its quotes count, but others are missing."""
        if frame.token < self.token:
            return Continuity.REFUSED
        is_new = frame.token > self.token or frame.epoch != self.epoch
        number = 1 if frame.quotes else 0
        if not is_new and frame.quote_seq < self._seq + number:
            # One that a snapshot had already.
            return Continuity.NEXT
        before = frame.quote_seq - number
        has_gap = is_new or before != self._seq
        self.token, self.epoch, self._seq = frame.token, frame.epoch, frame.quote_seq
        if not has_gap:
            return Continuity.NEXT
        self._missing = before
        return Continuity.GAP

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


class SenderNews(Struct, frozen=True):
    """What a frame of another process brings: its new messages, whether that process is new, and
    whether it has missed what others sent."""

    continuity: Continuity
    messages: tuple[RemoteMessage, ...]
    is_new: bool = False
    has_missed: bool = False


class _Sender(Struct):
    seen_at: float
    next_message: int
    joins: int
    is_incomplete: bool
    # What it wants and counts ends with it.
    views: set[str]
    counters: set[str]


class Senders:
    """The other processes, by their frames. Not thread-safe; times are monotonic."""

    def __init__(self) -> None:
        self._senders: dict[str, _Sender] = {}

    def __len__(self) -> int:
        return len(self._senders)

    def note(self, frame: BusFrame, now: float) -> SenderNews:
        """Take a frame in; after a gap no message counts until those before it were repeated."""
        sender = self._senders.get(frame.sender)
        if sender is None:
            return self._begin(frame, now)
        sender.seen_at = now
        has_missed, sender.joins = frame.joins != sender.joins, frame.joins
        known = sender.next_message - frame.message_seq
        if known < 0 and not frame.is_repeat:
            continuity = Continuity.NEXT if sender.is_incomplete else Continuity.GAP
            sender.is_incomplete = True
            return SenderNews(continuity, (), has_missed=has_missed)
        continuity = Continuity.LOST if known < 0 else Continuity.NEXT
        messages = frame.messages[known:] if known > 0 else frame.messages
        sender.next_message = max(sender.next_message, frame.message_seq + len(frame.messages))
        sender.is_incomplete = sender.is_incomplete and not frame.is_repeat
        self._note_state(sender, messages)
        return SenderNews(continuity, messages, has_missed=has_missed)

    def _begin(self, frame: BusFrame, now: float) -> SenderNews:
        if len(self._senders) >= _MOST_SENDERS:
            del self._senders[min(self._senders, key=lambda name: self._senders[name].seen_at)]
        # What is repeated was meant for others.
        messages = () if frame.is_repeat else frame.messages
        following = frame.message_seq + len(frame.messages)
        sender = _Sender(now, following, frame.joins, False, set(), set())
        self._senders[frame.sender] = sender
        self._note_state(sender, messages)
        return SenderNews(Continuity.NEXT, messages, is_new=True)

    @staticmethod
    def _note_state(sender: _Sender, messages: tuple[RemoteMessage, ...]) -> None:
        for message in messages:
            if isinstance(message, Demand):
                sender.views.add(message.view)
            elif isinstance(message, ConnectionCounts):
                sender.counters.add(message.process)

    def take_silent(self, before: float) -> list[RemoteMessage]:
        """Forget the processes without a frame since `before`; as messages, what that ends."""
        silent = [name for name, sender in self._senders.items() if sender.seen_at < before]
        ended = [self._senders.pop(name) for name in silent]
        return [
            *(Demand(view, frozenset()) for sender in ended for view in sorted(sender.views)),
            *(ConnectionCounts(name, {}, True) for sender in ended for name in sender.counters),
        ]
