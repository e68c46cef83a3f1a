"""The news desk: asks every source in turn and tells what is new."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from omcrm.errors import FeedError, FeedRefused
from omcrm.feeds.news.fetcher import NewsFetcher
from omcrm.feeds.news.item import NewsItem, NewsSource
from omcrm.feeds.news.mention import Mentions
from omcrm.feeds.news.parse import parse
from omcrm.feeds.news.store import NewsStore
from omcrm.feeds.retry import backoff, wait_after
from omcrm.feeds.status import masked
from omcrm.market.clock import Clock
from omcrm.market.instrument import Instrument

_log = logging.getLogger(__name__)

NewsListener: TypeAlias = Callable[[NewsItem], None]

_STOP_TIMEOUT = 15.0
# After a failure the next question comes sooner than usual, then later and later.
_FIRST_WAIT, _LONGEST_WAIT = 60.0, 3600.0


class NewsStatus(Struct, frozen=True, kw_only=True):
    """How one source is doing; its URL without secrets, times in UTC.

    `items` is how many its last answer held, `last_error` None as long as all is well.
    """

    source: str
    url: str
    last_success: datetime | None = None
    last_error: str | None = None
    failures: int = 0
    items: int = 0
    next_in: float | None = None


class _NewsPoll:
    """One source between the start and the end of the desk."""

    def __init__(self, source: NewsSource) -> None:
        self.source = source
        self.asker = NewsFetcher(source.url)
        self.delays = backoff(random.Random())
        self.ask_at = 0.0
        self.answered = False
        self.last_success: datetime | None = None
        self.last_error: str | None = None
        self.failures = 0
        self.in_a_row = 0
        self.items = 0


def _give_way() -> None:
    # Green threads run only when others let them.
    time.sleep(0)


class NewsCollector:
    """Asks each source every `interval` seconds, in one thread; keeps the newest `most` items.

    Thread-safe: starting or stopping twice is harmless. What it holds outlives a stop.
    """

    def __init__(
        self, sources: Sequence[NewsSource], interval: float, clock: Clock, most: int = 200
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._store = NewsStore(most)
        self._switch = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._rounds = [_NewsPoll(source) for source in sources]
        self._listeners: tuple[NewsListener, ...] = ()

    # What is wanted

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Find these instruments in the news from now on, also in those that are here."""
        self._store.mention(Mentions(tuple(instruments)))

    def latest(self, limit: int = 50, symbol: str | None = None) -> list[NewsItem]:
        """The newest items, the newest first; with `symbol`, those that mention it."""
        return self._store.latest(limit, symbol)

    def listen(self, listener: NewsListener) -> None:
        """Tell `listener` of every new item, in the desk's thread, from now on; twice is once.

        What a source already has when it is first asked is not new.
        """
        with self._switch:
            if listener not in self._listeners:
                self._listeners = (*self._listeners, listener)

    def leave(self, listener: NewsListener) -> None:
        """Tell `listener` nothing more."""
        with self._switch:
            self._listeners = tuple(other for other in self._listeners if other != listener)

    def status(self) -> list[NewsStatus]:
        """How each source is doing, in the order of the settings."""
        now, runs = time.monotonic(), self._thread is not None
        return [
            NewsStatus(
                source=poller.source.name,
                url=masked(poller.source.url),
                last_success=poller.last_success,
                last_error=poller.last_error,
                failures=poller.failures,
                items=poller.items,
                next_in=round(max(0.0, poller.ask_at - now), 1) if runs else None,
            )
            for poller in self._rounds
        ]

    # Starting and stopping

    def start(self) -> None:
        """Begin to ask, in the background; without sources there is nothing to begin."""
        with self._switch:
            if self._thread is not None or not self._rounds:
                return
            self._stopped = threading.Event()
            self._rounds = [_NewsPoll(poller.source) for poller in self._rounds]
            self._thread = threading.Thread(
                target=self._run, args=[self._rounds, self._stopped], name="news", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Ask no more, and wait until the thread is gone."""
        self.begin_stop()
        with self._switch:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_STOP_TIMEOUT)

    def begin_stop(self) -> None:
        """Ask no more; `stop` waits."""
        with self._switch:
            self._stopped.set()
            for poller in self._rounds:
                poller.asker.close()

    # The asking thread

    def _run(self, rounds: Sequence[_NewsPoll], stopped: threading.Event) -> None:
        while not stopped.is_set():
            for poller in rounds:
                if time.monotonic() >= poller.ask_at and not stopped.is_set():
                    self._visit(poller)
            until = min(poller.ask_at for poller in rounds)
            stopped.wait(max(0.0, until - time.monotonic()))

    def _visit(self, poll: _NewsPoll) -> None:
        try:
            self._ask(poll)
        except FeedError as error:
            if not poll.asker.closed:
                self._fail(poll, error)
        except Exception as error:
            # Here one source's turn ends: the others go on.
            _log.exception("reading the news of %s failed", poll.source.name)
            self._fail(poll, FeedError(f"reading it failed: {type(error).__name__}"))

    def _ask(self, poll: _NewsPoll) -> None:
        reply = poll.asker.ask(self._clock())
        if poll.asker.closed:
            return
        problem = None
        if reply is not None:
            bulletin = parse(reply.body, poll.source, self._clock(), _give_way)
            problem = bulletin.problem
            if problem is not None and not bulletin.items:
                raise FeedError(f"unreadable answer: {problem}")
            if problem is None:
                poll.asker.remember(reply)
            poll.items = len(bulletin.items)
            self._tell(self._store.take(bulletin.items), poll.answered)
        self._succeed(poll, problem)

    def _tell(self, items: Iterable[NewsItem], is_news: bool) -> None:
        for item in items if is_news else ():
            for listener in self._listeners:
                try:
                    listener(item)
                except Exception:
                    _log.exception("a listener failed on the news")

    def _succeed(self, poll: _NewsPoll, problem: str | None) -> None:
        poll.answered, poll.in_a_row = True, 0
        poll.delays = backoff(random.Random())
        poll.last_success = self._clock()
        poll.ask_at = time.monotonic() + self._interval
        self._note(poll, None if problem is None else f"read in part: {problem}")

    def _fail(self, poll: _NewsPoll, error: FeedError) -> None:
        poll.failures += 1
        wait = min(min(self._interval, _FIRST_WAIT) * 2 ** min(poll.in_a_row, 10), _LONGEST_WAIT)
        poll.in_a_row += 1
        told = error.retry_after if isinstance(error, FeedRefused) else None
        poll.ask_at = time.monotonic() + max(wait, wait_after(error, poll.delays), told or 0.0)
        self._note(poll, str(error))

    def _note(self, poll: _NewsPoll, problem: str | None) -> None:
        is_new, poll.last_error = problem != poll.last_error, problem
        if is_new and problem is not None:
            _log.warning("news of %s: %s", poll.source.name, problem)
