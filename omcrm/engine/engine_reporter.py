"""Reports to processes without an engine how the feeds stand, and answers their questions."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from omcrm.engine.bus import (
    Bus,
    EngineQuestion,
    EngineReply,
    EngineReport,
    EngineTopic,
    FeedChanged,
)
from omcrm.engine.feed_engine import FeedEngine

_log = logging.getLogger(__name__)

# Seconds between two reports, and at least between two of them when feeds change.
_REPORT_EVERY, _AT_MOST_EVERY = 1.0, 0.1
# Questions that wait; those that come beside them are not answered.
_MOST_WAITING = 64

Answer = Callable[[EngineQuestion], Any]


class EngineReporter:
    """Two threads of an engine's process: one reports and answers at once, the other one answers
    what takes long. Both are silent while `leads` is false.

    `slow` answers the topics that wait for sources or the database.
    """

    def __init__(
        self,
        bus: Bus,
        engine: FeedEngine,
        leads: Callable[[], bool],
        slow: Mapping[EngineTopic, Answer],
    ) -> None:
        self._bus = bus
        self._engine = engine
        self._leads = leads
        self._slow = slow
        self._quick: Mapping[EngineTopic, Answer] = {
            EngineTopic.EXPLAIN: lambda question: engine.explain(question.symbols[0]),
            EngineTopic.DETAILS: lambda question: engine.details(),
        }
        self._standbys: dict[str, str | None] = {}
        self._stopped = threading.Event()
        # None ends the wait of its thread.
        self._asked: queue.Queue[EngineQuestion | None] = queue.Queue(_MOST_WAITING)
        self._asked_slowly: queue.Queue[EngineQuestion | None] = queue.Queue(_MOST_WAITING)
        self._threads: list[threading.Thread] = []
        bus.subscribe(FeedChanged, self._note_change)
        bus.subscribe(EngineQuestion, self._note_question)

    def start(self) -> None:
        """Begin, in the background; twice is once."""
        if not self._threads:
            self._stopped.clear()
            self._threads = [
                threading.Thread(target=self._report, name="engine-reports", daemon=True),
                threading.Thread(target=self._answer_slowly, name="engine-answers", daemon=True),
            ]
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """End; an answer that takes long is not waited for."""
        if self._threads:
            self._stopped.set()
            _put(self._asked, None)
            _put(self._asked_slowly, None)
            self._threads[0].join()
            self._threads = []

    def report(self) -> EngineReport:
        """How the feeds stand now."""
        engine = self._engine
        return EngineReport(
            since=engine.since if engine.running else None,
            reviewed_at=engine.reviewed_at,
            failure=engine.failure(),
            statuses=engine.status(),
            budgets=engine.uses(),
            rejected=engine.rejected(),
            standbys=self._standbys,
        )

    # Called by the bus, where nothing may take long

    def _note_change(self, _: FeedChanged) -> None:
        _put(self._asked, None)

    def _note_question(self, question: EngineQuestion) -> None:
        if self._leads():
            is_slow = question.topic in self._slow
            _put(self._asked_slowly if is_slow else self._asked, question)

    # The threads

    def _report(self) -> None:
        reported_at = counted_at = 0.0
        wait = _REPORT_EVERY
        while not self._stopped.is_set():
            question = _take(self._asked, wait)
            wait = _REPORT_EVERY
            try:
                if question is not None:
                    self._answer(question, self._quick[question.topic])
                now = time.monotonic()
                if not self._leads():
                    continue
                if now - reported_at < _AT_MOST_EVERY:
                    wait = _AT_MOST_EVERY
                    continue
                if now - counted_at >= _REPORT_EVERY:
                    self._standbys, counted_at = self._engine.standbys(), now
                self._bus.publish(self.report())
                reported_at = now
            except Exception:
                _log.exception("the report about the feeds failed")

    def _answer_slowly(self) -> None:
        while not self._stopped.is_set():
            question = _take(self._asked_slowly, _REPORT_EVERY)
            if question is not None:
                try:
                    self._answer(question, self._slow[question.topic])
                except Exception:
                    _log.exception("the answer about %s failed", question.topic)

    def _answer(self, question: EngineQuestion, answer: Answer) -> None:
        body = msgspec.msgpack.encode(answer(question))
        if self._leads():
            self._bus.publish(EngineReply(question.id, body))


def _put(waiting: queue.Queue[EngineQuestion | None], question: EngineQuestion | None) -> None:
    try:
        waiting.put_nowait(question)
    except queue.Full:
        if question is not None:
            _log.warning("too many questions wait: one about %s is dropped", question.topic)


def _take(waiting: queue.Queue[EngineQuestion | None], within: float) -> EngineQuestion | None:
    try:
        return waiting.get(timeout=within)
    except queue.Empty:
        return None
