"""Polls every news source and calls the listeners with new items."""

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
from omcrm.feeds.news.mention import Mentions
from omcrm.feeds.news.source_list import NewsSource
from omcrm.feeds.news.store import NewsStore
from omcrm.feeds.retry import backoff, wait_after
from omcrm.feeds.status import masked
from omcrm.market.clock import Clock
from omcrm.market.feed_event import FeedCode, FeedFigures
from omcrm.market.instrument import Instrument
from omcrm.market.news_item import NewsItem

_log = logging.getLogger(__name__)

NewsListener: TypeAlias = Callable[[NewsItem], None]

_STOP_TIMEOUT = 15.0
# The wait after a failure: shorter than the interval at first, then doubled with each failure.
_FIRST_WAIT, _LONGEST_WAIT = 60.0, 3600.0


class NewsStatus(Struct, frozen=True, kw_only=True):
    """The status of one source; its URL without secrets, times in UTC.

    `items` is the number in its last answer, `last_error` None after a complete one.
    """

    source: str
    url: str
    last_success: datetime | None = None
    last_error: str | None = None
    failures: int = 0
    items: int = 0
    next_in: float | None = None


class _NewsPoll:
    """The state of one source from the start to the stop of the collector."""

    def __init__(self, source: NewsSource) -> None:
        self.source = source
        self.fetcher = NewsFetcher(source.url)
        self.delays = backoff(random.Random())
        self.ask_at = 0.0
        self.answered = False
        self.last_success: datetime | None = None
        self.last_error: str | None = None
        self.failures = 0
        self.in_a_row = 0
        self.items = 0


def _give_way() -> None:
    # Green threads run only when the present one yields.
    time.sleep(0)


class NewsCollector:
    """Polls each source every `interval` seconds, in one thread; keeps the newest `most` items.

    Thread-safe: starting or stopping twice is harmless. The items survive a stop.
    """

    def __init__(
        self, sources: Sequence[NewsSource], interval: float, clock: Clock, most: int = 200
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._store = NewsStore(most)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._polls = [_NewsPoll(source) for source in sources]
        self._listeners: tuple[NewsListener, ...] = ()

    # Reading

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Mark mentions of these instruments from now on, also in the items kept already."""
        self._store.mention(Mentions(tuple(instruments)))

    def latest(self, limit: int = 50, symbol: str | None = None) -> list[NewsItem]:
        """The newest items, the newest first; with `symbol`, those that mention it."""
        return self._store.latest(limit, symbol)

    def listen(self, listener: NewsListener) -> None:
        """Call `listener` with each new item, in the polling thread; repeating it changes nothing.

        The items of a source's first answer are not new.
        """
        with self._lock:
            if listener not in self._listeners:
                self._listeners = (*self._listeners, listener)

    def leave(self, listener: NewsListener) -> None:
        """Remove `listener`."""
        with self._lock:
            self._listeners = tuple(other for other in self._listeners if other != listener)

    def status(self) -> list[NewsStatus]:
        """The status of each source, in the order of the settings."""
        now, runs = time.monotonic(), self._thread is not None
        return [
            NewsStatus(
                source=poll.source.name,
                url=masked(poll.source.url),
                last_success=poll.last_success,
                last_error=poll.last_error,
                failures=poll.failures,
                items=poll.items,
                next_in=round(max(0.0, poll.ask_at - now), 1) if runs else None,
            )
            for poll in self._polls
        ]

    # Starting and stopping

    def start(self) -> None:
        """Begin to poll, in the background; without sources no thread is started."""
        with self._lock:
            if self._thread is not None or not self._polls:
                return
            self._stopped = threading.Event()
            self._polls = [_NewsPoll(poll.source) for poll in self._polls]
            self._thread = threading.Thread(
                target=self._run, args=[self._polls, self._stopped], name="news", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop polling, and wait until the thread has ended."""
        self.begin_stop()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_STOP_TIMEOUT)

    def begin_stop(self) -> None:
        """Stop polling without waiting; `stop` waits."""
        with self._lock:
            self._stopped.set()
            for poll in self._polls:
                poll.fetcher.close()

    # The polling thread

    def _run(self, polls: Sequence[_NewsPoll], stopped: threading.Event) -> None:
        while not stopped.is_set():
            for poll in polls:
                if time.monotonic() >= poll.ask_at and not stopped.is_set():
                    self._poll(poll)
            until = min(poll.ask_at for poll in polls)
            stopped.wait(max(0.0, until - time.monotonic()))

    def _poll(self, poll: _NewsPoll) -> None:
        try:
            self._ask(poll)
        except FeedError as error:
            if not poll.fetcher.closed:
                self._fail(poll, error)
        except Exception as error:
            # One source's poll ends here: the others go on.
            _log.exception("reading the news of %s failed", poll.source.name)
            figures = FeedFigures(detail=type(error).__name__)
            self._fail(poll, FeedError(FeedCode.READING_FAILED, figures))

    def _ask(self, poll: _NewsPoll) -> None:
        # Where no news is asked for, the libraries that read it would only take memory.
        from omcrm.feeds.news.parse import parse

        reply = poll.fetcher.ask(self._clock())
        if poll.fetcher.closed:
            return
        problem = None
        if reply is not None:
            batch = parse(reply.body, poll.source, self._clock(), _give_way)
            problem = batch.problem
            if problem is not None and not batch.items:
                raise FeedError(FeedCode.UNREADABLE_ANSWER, FeedFigures(detail=problem))
            if problem is None:
                poll.fetcher.remember(reply)
            poll.items = len(batch.items)
            new = self._store.take(batch.items)
            if poll.answered:
                self._notify(new)
        self._succeed(poll, problem)

    def _notify(self, items: Iterable[NewsItem]) -> None:
        for item in items:
            for listener in self._listeners:
                try:
                    listener(item)
                except Exception:
                    _log.exception("a news listener failed")

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
        retry_after = error.retry_after if isinstance(error, FeedRefused) else None
        poll.ask_at = time.monotonic() + max(
            wait, wait_after(error, poll.delays), retry_after or 0.0
        )
        self._note(poll, str(error))

    def _note(self, poll: _NewsPoll, problem: str | None) -> None:
        is_new, poll.last_error = problem != poll.last_error, problem
        if is_new and problem is not None:
            _log.warning("news of %s: %s", poll.source.name, problem)
