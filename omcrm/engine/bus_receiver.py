"""Receives what other processes send, in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from redis import RedisError

from omcrm.engine.bus import Bus, BusRejoined
from omcrm.engine.bus_condition import BusCondition
from omcrm.engine.bus_frame import BusFrame, FrameRefused, decode_frame, own_prefix
from omcrm.engine.bus_sender import TIMEOUT, BusSender
from omcrm.engine.engine_clock import EngineClock
from omcrm.engine.frame_order import Continuity, FrameOrder, Senders
from omcrm.engine.quote_snapshot import QuoteSnapshot
from omcrm.engine.redis_connection import connect_redis, names_for
from omcrm.engine.redis_socket import RedisSocket
from omcrm.feeds.timing import ORDINARY
from omcrm.market.clock import Clock
from omcrm.market.quote import Quote
from omcrm.streaming.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)
_refusals = ThrottledLog(_log)

_DEAF_AFTER = 2.0
"""So long a heartbeat of this process may take to come back, in seconds."""
_GONE_AFTER = 5.0
"""A process without a heartbeat for so many seconds has ended."""
# A process that was taken for gone may come back.
_REPEAT_WANTED_EVERY = 5.0
_READ_AGAIN_EVERY = 0.25
_POLL = 0.25
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0

Classify = Callable[[Quote, datetime], Quote]
"""Gives a quote of the past the class that it has at a time of the engine's clock."""


class BusReceiver:
    """Passes quotes and messages of other processes to the handlers of this one.

    After a gap or a loss it reads the snapshot, again and again until it has what was missed.
    """

    def __init__(
        self,
        url: str,
        sender: str,
        local: Bus,
        condition: BusCondition,
        sending: BusSender,
        send_wanted: Callable[[], object],
        clock: Clock,
    ) -> None:
        self._names = names_for(url)
        self._socket = RedisSocket(url, TIMEOUT)
        self._client = connect_redis(url, TIMEOUT)
        self._snapshot = QuoteSnapshot(self._client, self._names)
        self._own = own_prefix(sender)
        self._local = local
        self._condition = condition
        self._sending = sending
        self._send_wanted = send_wanted
        self._clock = clock
        self._next_wanted = self._gone_from = 0.0
        self._order = FrameOrder()
        self._senders = Senders()
        self._next_read = 0.0
        self._reads_again = False
        self._has_joined = False
        self.clock = EngineClock(clock)
        self.engine_seen_at: datetime | None = None
        """When the last frame of the leader came, by this machine's clock."""
        self.classify: Classify | None = None

    @property
    def processes(self) -> int:
        """How many processes are on the bus, with this one."""
        return 1 + len(self._senders)

    def read_again(self) -> None:
        """Read the snapshot soon; from any thread."""
        self._reads_again = True

    def run(self, stopped: threading.Event) -> None:
        """Receive until `stopped`; after a failure subscribe again and again."""
        pause = _SHORTEST_PAUSE
        while not stopped.is_set():
            try:
                self._subscribe()
                while not stopped.is_set():
                    self._receive_next()
                    if self._condition.lost_since is None:
                        pause = _SHORTEST_PAUSE
            except (RedisError, OSError) as error:
                self._condition.note_lost(error or type(error).__name__)
            except Exception as error:
                _log.exception("receiving from the bus failed")
                self._condition.note_lost(error)
            self._close()
            ORDINARY.wait(stopped, pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _subscribe(self) -> None:
        self._socket.open()
        self._socket.send("SUBSCRIBE", self._names.quotes, self._names.messages)
        self._sending.send_heartbeat()

    def _close(self) -> None:
        self._socket.close()
        self._client.close()

    def _receive_next(self) -> None:
        received = self._socket.receive(_POLL)
        if received is None:
            since = self._sending.awaited_since
            if since is not None and time.monotonic() - since > _DEAF_AFTER:
                raise OSError(f"no heartbeat came back for {_DEAF_AFTER:.0f} s")
        elif received[0] == b"message":
            data = received[2]
            if data.startswith(self._own):
                self._note_own()
            else:
                self._take(data)
        self._look_after()

    def _note_own(self) -> None:
        """The way there and back is open."""
        self._sending.awaited_since = None
        if self._condition.lost_since is not None:
            self._order.note_break()
            self._read_snapshot()
            if self._has_joined:
                self._sending.ask_for_repeat()
            self._has_joined = True
            # What others sent meanwhile was missed: that does not make them silent.
            self._gone_from = time.monotonic() + _GONE_AFTER
            self._condition.note_joined()

    def _look_after(self) -> None:
        now = time.monotonic()
        if self._reads_again:
            self._reads_again = False
            self._order.note_break()
        if self._order.is_missing and now >= self._next_read:
            self._read_snapshot()
        if self._condition.lost_since is None:
            if now >= self._gone_from:
                for ended in self._senders.take_silent(now - _GONE_AFTER):
                    self._local.publish(ended)
            if now >= self._next_wanted:
                self._next_wanted = now + _REPEAT_WANTED_EVERY
                self._send_wanted()

    def _take(self, data: bytes) -> None:
        try:
            frame = decode_frame(data)
        except FrameRefused as refused:
            self._condition.counts.refused += 1
            _refusals.warning("a frame on the bus was refused: %s", refused)
            return
        self._condition.counts.received += 1
        if frame.token:
            self._take_quotes(frame)
        # Those on the other channel are its heartbeats.
        if not frame.quotes:
            self._take_messages(frame)

    def _take_quotes(self, frame: BusFrame) -> None:
        is_other = frame.epoch != self._order.epoch
        continuity = self._order.note(frame)
        if continuity is Continuity.REFUSED:
            self._condition.counts.refused += 1
            if frame.quotes:
                _refusals.warning("quotes of the lower token %s were refused", frame.token)
            return
        self._condition.note_token(frame.token)
        self.engine_seen_at = self._clock()
        is_late = self.clock.note(frame.sent_at, anew=is_other)
        if continuity is Continuity.GAP:
            self._condition.counts.gaps += 1
            self._next_read = 0.0
        self._publish(frame.quotes, is_late=is_late)

    def _take_messages(self, frame: BusFrame) -> None:
        news = self._senders.note(frame, time.monotonic())
        if news.is_new:
            self._send_wanted()
        if news.has_missed:
            self._sending.repeat()
        for message in news.messages:
            self._local.publish(message)
        if news.continuity is Continuity.GAP:
            self._condition.counts.gaps += 1
            self._sending.ask_for_repeat()
        elif news.continuity is Continuity.LOST:
            self._local.publish(BusRejoined())

    def _read_snapshot(self) -> None:
        self._next_read = time.monotonic() + _READ_AGAIN_EVERY
        stored = self._snapshot.read()
        if stored is None:
            return
        self._condition.counts.refused += stored.refused
        is_other = stored.head.epoch != self._order.epoch
        if not self._order.note_snapshot(stored.head):
            return
        self._condition.note_token(stored.head.token)
        self.clock.note(stored.head.written_at, anew=is_other)
        # It may be from before an engine died.
        self._publish(sorted(stored.quotes, key=lambda quote: quote.seq), is_late=True)

    def _publish(self, quotes: "list[Quote] | tuple[Quote, ...]", *, is_late: bool) -> None:
        classify = self.classify
        if is_late and classify is not None:
            now = self.clock.now()
            quotes = [classify(quote, now) for quote in quotes]
        for quote in quotes:
            self._local.publish(quote)
