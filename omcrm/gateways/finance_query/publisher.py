"""Who looks at which channel, and the one clock by which all of them are told anew."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol

from omcrm.gateways.client_connection import ClientConnection
from omcrm.gateways.finance_query.encoded_message import EncodedMessage, Metadata
from omcrm.gateways.finance_query.interval import Count, IntervalSnapshot
from omcrm.gateways.finance_query.year_figures import CloseHistory
from omcrm.market.clock import Clock
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.web import database_away
from omcrm.web.market_access import MarketAccess

# Others are let run after so many.
_IN_A_ROW = 32

_failures = ThrottledLog(logging.getLogger(__name__))


class ChannelContent(Protocol):
    """One channel: its name in the counts, and what it tells."""

    @property
    def name(self) -> str:
        """In counts, and among the keys of a turn."""

    def written(self, turn: IntervalSnapshot, about: Hashable) -> str:
        """The message of this turn about what a client looks at."""


# Who looks at the same is sent the same bytes.
View = tuple[ChannelContent, Hashable]


def system_clock() -> datetime:
    """The present, by this machine's clock."""
    return datetime.now(UTC)


class ChannelPublisher:
    """Tells everybody the newest at each interval, from a thread that lives while anybody looks.

    Thread-safe. `interval` is in seconds, `context` makes the app's context, `count` takes the
    name of a channel, what happened there, and how often.
    """

    def __init__(
        self,
        market: MarketAccess,
        interval: float,
        context: Callable[[], AbstractContextManager[object]],
        count: Count,
        clock: Clock = system_clock,
    ) -> None:
        self._market = market
        self.interval = interval
        self._archive = CloseHistory()
        self._context = context
        self._count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._views: dict[ClientConnection, View] = {}
        self._turn: IntervalSnapshot | None = None
        self._nobody = threading.Event()
        self._running = False

    # Who looks

    def show(
        self,
        client: ClientConnection,
        channel: ChannelContent,
        about: Hashable,
        metadata: Metadata | None = None,
    ) -> None:
        """Tell a client this at once, and anew at each interval; nothing else any more.

        It needs an app context.
        """
        page = EncodedMessage(channel.written(self.turn(), about))
        with self._lock:
            # In one step, or the next interval's message might come before this one.
            self._views[client] = (channel, about)
            if metadata is None:
                client.send_framed(page.payload, page.framed)
            else:
                client.send(page.with_metadata(metadata))
            starts, self._running = not self._running, True
            self._nobody.clear()
        if starts:
            threading.Thread(target=self._run, name="finance-query", daemon=True).start()

    def leave(self, client: ClientConnection) -> None:
        """It is gone, whether it looked at something or not."""
        with self._lock:
            self._views.pop(client, None)
            if not self._views:
                self._nobody.set()

    # What there is to see

    def turn(self) -> IntervalSnapshot:
        """The interval of now."""
        with self._lock:
            if self._turn is None or not (self._running or self._is_young(self._turn)):
                self._turn = self._new_turn()
            return self._turn

    def _is_young(self, turn: IntervalSnapshot) -> bool:
        return time.monotonic() - turn.began < self.interval

    def _new_turn(self) -> IntervalSnapshot:
        began, now = time.monotonic(), self._clock()
        return IntervalSnapshot(began, now, self._market, self._archive, self._count)

    # The clock

    def _run(self) -> None:
        due = self.turn().began + self.interval
        while not self._is_over():
            # Who comes when the last one goes does not put off the next message.
            if self._nobody.wait(max(0.0, due - time.monotonic())):
                continue
            try:
                self._tell_all()
            except Exception as error:
                if not database_away.is_away(error):
                    _failures.exception("telling the channels failed")
            # What came too late for its time is left out.
            due = max(due + self.interval, time.monotonic())

    def _is_over(self) -> bool:
        with self._lock:
            self._running = bool(self._views)
            if self._running:
                self._nobody.clear()
            return not self._running

    def _tell_all(self) -> None:
        with self._lock:
            turn = self._turn = self._new_turn()
            looking = list(self._views.items())
        lookers: dict[View, list[ClientConnection]] = {}
        for client, view in looking:
            lookers.setdefault(view, []).append(client)
        with self._context():
            for view, clients in lookers.items():
                channel, about = view
                try:
                    self._tell(EncodedMessage(channel.written(turn, about)), view, clients)
                except Exception as error:
                    if not database_away.is_away(error):
                        _failures.exception("telling %s failed", channel.name)

    def _tell(self, page: EncodedMessage, view: View, clients: list[ClientConnection]) -> None:
        told = 0
        for number, client in enumerate(clients, 1):
            with self._lock:
                # Who reads too slowly is left out, and told the newest at another interval.
                told += self._views.get(client) == view and client.try_send(page)
            if number % _IN_A_ROW == 0:
                time.sleep(0)
        self._count(view[0].name, "messages_out", told)
