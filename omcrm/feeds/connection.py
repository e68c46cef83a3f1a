"""One connection to an upstream: its link, what it is subscribed to, and its watchdog."""

import contextlib
from collections import deque
from collections.abc import Callable, Collection

from msgspec import structs

from omcrm.errors import FeedError, FeedHeartbeatTimeout, FeedNoData, FeedUnauthenticated
from omcrm.feeds.link import Link
from omcrm.feeds.provider import StreamProvider
from omcrm.feeds.timing import SupervisorTiming
from omcrm.feeds.watchdog import Watchdog

# A handshake that drips in would otherwise never time out.
_LONGEST_HANDSHAKE = 15.0


class FeedConnection:
    """One provider's connection; `number` counts them, `on_frame` is called with each data frame.

    `changed` is called in the link's thread when it has connected or ended.

    All methods but the notes belong to the supervising thread. Times are the monotonic seconds of
    the feed clock.
    """

    def __init__(
        self,
        number: int,
        provider: StreamProvider,
        timing: SupervisorTiming,
        on_frame: Callable[["FeedConnection", bytes], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.number = number
        self._timing = timing.feed_clock
        self.opened_at = self._timing.now()
        self.first_data_at: float | None = None
        self.closing_soon = False
        self._provider = provider
        timeouts = timing.timeouts
        if provider.limits.heartbeat_timeout is not None:
            timeouts = structs.replace(
                timeouts, heartbeat_timeout=provider.limits.heartbeat_timeout
            )
        self._watchdog = Watchdog(timeouts, self.opened_at)
        self._has_begun = False
        self._is_authenticated = not provider.authenticates
        self._subscribed: set[str] = set()
        self._unsent: deque[str] = deque()
        self._may_send_at = 0.0
        self._requests = 0
        self._on_frame = on_frame
        self.link = Link(
            f"{provider.source.name}-{number}",
            provider.url(),
            self._receive,
            self._touch,
            changed,
        )

    def maintain(
        self, names: Collection[str], now: float, *, expects_data: bool, witnessed: int = 0
    ) -> FeedNoData | None:
        """Subscribe to what is wanted, send pings, close the link if it is dead.

        Returns FeedNoData where frames come but no data: that connection is kept until another one
        brings data.
        """
        if not self.link.is_open:
            if now - self.opened_at > _LONGEST_HANDSHAKE:
                self.link.close(FeedHeartbeatTimeout(now - self.opened_at))
            return None
        if not self._has_begun:
            self._has_begun = True
            self._queue(self._provider.opening())
        if self._is_authenticated:
            self._update_subscriptions(set(names), now)
        elif now - self.opened_at > _LONGEST_HANDSHAKE:
            self.link.close(FeedUnauthenticated(now - self.opened_at))
        self._send_next(now)
        if self._watchdog.wants_probe(now):
            self.link.ping()
        error = self._watchdog.check(now, expects_data=expects_data, witnessed=witnessed)
        if isinstance(error, FeedNoData):
            return error
        if error is not None:
            self.link.close(error)
        return None

    @property
    def has_unsent_requests(self) -> bool:
        """Whether requests wait for the frame spacing."""
        return bool(self._unsent)

    def note_authenticated(self) -> None:
        """The upstream has accepted the login; called in the link's thread."""
        self._is_authenticated = True

    def note_data(self, now: float) -> None:
        """A frame with prices has come."""
        self._watchdog.data(now)
        if self.first_data_at is None:
            self.first_data_at = now

    def has_delivered_for(self, seconds: float, now: float) -> bool:
        """Whether its first data came at least so many seconds ago."""
        return self.first_data_at is not None and now - self.first_data_at >= seconds

    def _update_subscriptions(self, wanted: set[str], now: float) -> None:
        new, dropped = wanted - self._subscribed, self._subscribed - wanted
        if new:
            if not self._subscribed:
                self._watchdog.restart_data(now)
            self._queue(self._provider.subscribe(sorted(new), self._requests + 1))
        if dropped:
            self._queue(self._provider.unsubscribe(sorted(dropped), self._requests + 1))
        self._subscribed = wanted

    def _queue(self, frames: list[str]) -> None:
        self._requests += len(frames)
        self._unsent.extend(frames)

    def _send_next(self, now: float) -> None:
        if self._unsent and now >= self._may_send_at:
            self._may_send_at = now + self._provider.limits.frame_spacing
            with contextlib.suppress(FeedError):  # the supervisor sees `ended`
                self.link.send(self._unsent.popleft())

    # In the link's thread

    def _touch(self) -> None:
        self._watchdog.frame(self._timing.now())

    def _receive(self, frame: bytes) -> None:
        self._touch()
        self._on_frame(self, frame)
