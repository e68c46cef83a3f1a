"""Sends what waits to the other processes, in a thread of its own."""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable

from redis import RedisError

from omcrm.engine.bus import (
    ConnectionCounts,
    EngineQuestion,
    EngineReply,
    EngineReport,
    FeedChanged,
    RemoteMessage,
)
from omcrm.engine.bus_condition import BusCondition
from omcrm.engine.bus_frame import BusFrame, SnapshotHead, encode
from omcrm.engine.quote_snapshot import QuoteSnapshot, SnapshotMissing, TokenOutranked
from omcrm.engine.redis_connection import connect_redis, names_for
from omcrm.engine.redis_socket import RedisSocket
from omcrm.engine.send_queue import SendQueue
from omcrm.feeds.timing import ORDINARY
from omcrm.market.clock import Clock
from omcrm.market.quote import Quote

_log = logging.getLogger(__name__)

FLUSH_EVERY = 0.018
"""Seconds between two flushes; the first change after a pause leaves at once."""
HEARTBEAT_EVERY = 1.0
TIMEOUT = 1.0
"""The longest wait for an answer, in seconds."""
_SNAPSHOT_EVERY = 1.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
# Beyond that many messages in one frame, the next frame takes the others.
_MOST_IN_A_FRAME = 1_000
# So many messages are sent again to a process that missed some.
_REPEATED = 500


class BusSender:
    """Makes frames of what is in the queue, and keeps the snapshot while this process leads.

    `token` gives the fencing token while this process leads, else None.
    """

    def __init__(
        self,
        url: str,
        sender: str,
        queue: SendQueue,
        token: Callable[[], int | None],
        condition: BusCondition,
        clock: Clock,
    ) -> None:
        self._names = names_for(url)
        self._socket = RedisSocket(url, TIMEOUT)
        self._client = connect_redis(url, TIMEOUT)
        self._snapshot = QuoteSnapshot(self._client, self._names)
        self._sender = sender
        self._queue = queue
        self._token = token
        self._condition = condition
        self._clock = clock
        self._leading = 0
        self._epoch = ""
        self._quote_seq = 0
        self._message_seq = 0
        self._dropped = 0
        self._unsent: tuple[RemoteMessage, ...] = ()
        self._recent: deque[RemoteMessage] = deque(maxlen=_REPEATED)
        self._joins = 0
        self._must_repeat = False
        # What this process as a leader has sent, and what of it is not in the snapshot yet.
        self._newest: dict[str, Quote] = {}
        self._unwritten: dict[str, Quote] = {}
        self._is_anew = True
        self._next_heartbeat = self._next_snapshot = 0.0
        self.awaited_since: float | None = None
        """Since when a heartbeat has not come back, monotonic; None where none is awaited."""

    def run(self, stopped: threading.Event) -> None:
        """Send until `stopped`, then what waits; after a failure again and again."""
        pause = _SHORTEST_PAUSE
        while not stopped.is_set():
            self._queue.wait(max(0.0, self._due() - time.monotonic()))
            if stopped.is_set():
                break
            if self._try_flush():
                pause = _SHORTEST_PAUSE
                # Cheaper than to wait for the end, which is soon noticed anyway.
                time.sleep(FLUSH_EVERY)
            else:
                ORDINARY.wait(stopped, pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        if self._condition.lost_since is None:
            self._try_flush()
        self._socket.close()
        self._client.close()

    @property
    def is_leading(self) -> bool:
        """Whether this process sends quotes."""
        return bool(self._leading)

    def send_heartbeat(self) -> None:
        """Send one now; from any thread."""
        self.awaited_since, self._next_heartbeat = None, 0.0
        self._queue.wake()

    def ask_for_repeat(self) -> None:
        """Have the other processes send their last messages again; from any thread."""
        self._joins += 1
        self._next_heartbeat = 0.0
        self._queue.wake()

    def repeat(self) -> None:
        """Send the last messages again: another process has missed some; from any thread."""
        self._must_repeat = True
        self._queue.wake()

    def _due(self) -> float:
        if self._leading and (self._unwritten or self._is_anew):
            return min(self._next_heartbeat, self._next_snapshot)
        return self._next_heartbeat

    def _try_flush(self) -> bool:
        """Send what waits; whether that succeeded. No error may end the thread."""
        try:
            self._flush()
        except (RedisError, OSError) as error:
            self._fail(error)
            return False
        except Exception as error:
            _log.exception("sending to the bus failed")
            self._fail(error)
            return False
        return True

    def _fail(self, error: Exception) -> None:
        # A restarted server is empty.
        self._is_anew = True
        self._condition.note_lost(error or type(error).__name__)
        self._socket.close()
        self._client.close()

    def _flush(self) -> None:
        now = time.monotonic()
        if not self._socket.is_open:
            self._socket.open()
        # Those of the flush before, which have come meanwhile.
        self._socket.confirm()
        self._note_leading()
        changed = self._queue.take_quotes()
        if self._leading:
            self._send_quotes(changed)
        self._send_messages(now)
        if self._leading and now >= self._next_snapshot and (self._unwritten or self._is_anew):
            self._write_snapshot()
            self._next_snapshot = time.monotonic() + _SNAPSHOT_EVERY

    def _note_leading(self) -> None:
        token = self._token() or 0
        if token < self._condition.token:
            token = 0
        if token == self._leading:
            return
        self._leading, self._epoch = token, secrets.token_hex(4) if token else ""
        self._quote_seq = 0
        self._newest, self._unwritten, self._is_anew = {}, {}, True
        self._next_heartbeat = 0.0
        if token:
            self._condition.note_token(token)

    def _send_quotes(self, changed: dict[str, Quote]) -> None:
        if not changed:
            return
        # Noted before it is sent: where that fails, the next snapshot has them, and the gap in
        # the numbers makes everybody read it.
        self._quote_seq += 1
        self._newest.update(changed)
        self._unwritten.update(changed)
        self._send(self._names.quotes, tuple(changed.values()), ())

    def _send_messages(self, now: float) -> None:
        is_due = now >= self._next_heartbeat
        if self._must_repeat:
            self._must_repeat = False
            recent = tuple(self._recent)
            self._send(self._names.messages, (), recent, repeated=len(recent))
            self._socket.confirm()
        while True:
            if not self._unsent:
                self._unsent = self._queue.take_messages()
                # Whoever sees a gap in the numbers reads again what was dropped.
                dropped = self._queue.dropped
                if dropped != self._dropped:
                    self._message_seq += dropped - self._dropped
                    self._dropped = dropped
                    self._recent.clear()
            part = self._unsent[:_MOST_IN_A_FRAME]
            if not part and not is_due:
                return
            if is_due:
                self._next_heartbeat = now + HEARTBEAT_EVERY
                if self.awaited_since is None:
                    self.awaited_since = now
            self._send(self._names.messages, (), part)
            self._socket.confirm()
            self._unsent = self._unsent[len(part) :]
            self._message_seq += len(part)
            self._recent += map(_for_repeat, part)
            is_due = False

    def _send(
        self,
        channel: str,
        quotes: tuple[Quote, ...],
        messages: tuple[RemoteMessage, ...],
        repeated: int | None = None,
    ) -> None:
        frame = BusFrame(
            self._sender,
            self._leading,
            self._epoch,
            self._quote_seq,
            self._message_seq - (repeated or 0),
            self._clock(),
            quotes,
            messages,
            self._joins,
            repeated is not None,
        )
        self._socket.send("PUBLISH", channel, encode(frame))
        self._condition.counts.sent += 1

    def _write_snapshot(self) -> None:
        head = SnapshotHead(self._leading, self._epoch, self._quote_seq, self._clock())
        try:
            quotes = self._newest if self._is_anew else self._unwritten
            self._snapshot.write(head, quotes.values(), anew=self._is_anew)
        except SnapshotMissing:
            # Somebody emptied the server without a restart.
            self._is_anew = True
            self._next_snapshot = 0.0
        except TokenOutranked as outranked:
            self._condition.note_token(outranked.token)
        else:
            self._unwritten, self._is_anew = {}, False


def _for_repeat(message: RemoteMessage) -> RemoteMessage:
    """What is kept of a message to be sent again: counts may be large, and come again by
    themselves."""
    if isinstance(message, ConnectionCounts):
        return ConnectionCounts(message.process, {})
    if isinstance(message, EngineReport | EngineQuestion | EngineReply):
        # The next report says more, and nobody waits for the answer any more.
        return FeedChanged()
    return message
