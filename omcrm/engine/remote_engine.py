"""The engine of another process, as its reports and answers on the bus show it."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from omcrm.engine.bus import Bus, EngineQuestion, EngineReply, EngineReport, EngineTopic
from omcrm.engine.market_engine import EngineDetails
from omcrm.errors import EngineUnreached
from omcrm.feeds.quota import BudgetUse
from omcrm.market.explanation import Explanation
from omcrm.market.feed_status import FeedState, FeedStatus

_log = logging.getLogger(__name__)

T = TypeVar("T")

_SILENT = "the engine does not answer"
# Seconds after which an engine without a report counts as gone: it reports every second, and until
# then a standby has taken over.
_SILENT_AFTER = 10.0
# Seconds that an answer, and the start or stop of the feeds, may take.
_ANSWER_WITHIN, _CHANGE_WITHIN, _LOOK_EVERY = 2.0, 10.0, 0.05
_MOST_QUESTIONS = 64


class _Question:
    def __init__(self) -> None:
        self.is_answered = threading.Event()
        self.body = b""


class RemoteEngine:
    """What this process knows of the engine, and can ask it; an engine that does not report any
    more brings no prices."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._report: EngineReport | None = None
        self._reported_at = 0.0
        self._questions: dict[str, _Question] = {}
        self._changed: Callable[[], object] = lambda: None
        bus.subscribe(EngineReport, self._note_report)
        bus.subscribe(EngineReply, self._note_answer)

    def on_change(self, handler: Callable[[], object]) -> None:
        """Call this, and nothing else, when a feed is reported to be in another state."""
        self._changed = handler

    # What it reports

    @property
    def running(self) -> bool:
        """Whether the feeds are meant to run, and do as far as is known."""
        return self.since is not None

    @property
    def since(self) -> datetime | None:
        """Since when the feeds run; None while they do not, or nothing is known of them."""
        report = self._current()
        return None if report is None else report.since

    def becomes(self, running: bool) -> bool:
        """Whether the engine reports within seconds that its feeds run, or do not."""
        until = time.monotonic() + _CHANGE_WITHIN
        while (report := self._current()) is None or (report.since is not None) is not running:
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_EVERY)
        return True

    def status(self) -> dict[str, FeedStatus]:
        """The condition of every source; while the engine is silent, none is active."""
        report = self._report
        if report is None:
            return {}
        if self._current() is not None:
            return report.statuses
        return {
            name: structs.replace(status, active=False, state=FeedState.WAITING, last_error=_SILENT)
            if status.active
            else status
            for name, status in report.statuses.items()
        }

    def uses(self) -> dict[str, list[BudgetUse]]:
        """How the budgets of the polled sources stood in the last report."""
        return {} if self._report is None else self._report.budgets

    def failure(self) -> str | None:
        """Why no price can be expected."""
        report = self._current()
        return _SILENT if report is None else report.failure

    def rejected(self) -> Mapping[str, int]:
        """How many ticks were rejected, by reason."""
        return {} if self._report is None else self._report.rejected

    def standbys(self) -> Mapping[str, str | None]:
        """The standby of each symbol in the last report."""
        return {} if self._report is None else self._report.standbys

    def _current(self) -> EngineReport | None:
        is_silent = time.monotonic() - self._reported_at > _SILENT_AFTER
        return None if is_silent else self._report

    def _note_report(self, report: EngineReport) -> None:
        before, self._report, self._reported_at = self._report, report, time.monotonic()
        if before is None or _states(before) != _states(report):
            self._changed()

    # What it is asked

    def details(self) -> EngineDetails:
        """The newest rejected ticks, and what each source reports; nothing without an answer."""
        try:
            return self.ask(EngineTopic.DETAILS, (), EngineDetails)
        except EngineUnreached:
            return EngineDetails()

    def explain(self, symbol: str) -> Explanation | None:
        """Why the price of a symbol is what it is; None where it is not followed."""
        kind: Any = Explanation | None
        explanation: Explanation | None = self.ask(EngineTopic.EXPLAIN, (symbol,), kind)
        return explanation

    def ask(
        self,
        topic: EngineTopic,
        symbols: tuple[str, ...],
        kind: type[T],
        within: float = _ANSWER_WITHIN,
    ) -> T:
        """The engine's answer; raises EngineUnreached where there is none in so many seconds."""
        if self._current() is None or len(self._questions) >= _MOST_QUESTIONS:
            raise EngineUnreached
        question_id, question = secrets.token_hex(8), _Question()
        self._questions[question_id] = question
        try:
            self._bus.publish(EngineQuestion(id=question_id, topic=topic, symbols=symbols))
            if not question.is_answered.wait(within):
                raise EngineUnreached
        finally:
            self._questions.pop(question_id, None)
        try:
            return msgspec.msgpack.decode(question.body, type=kind)
        except msgspec.MsgspecError as error:
            # An engine of another version.
            _log.warning("an answer of the engine about %s cannot be read: %s", topic, error)
            raise EngineUnreached from error

    def _note_answer(self, answer: EngineReply) -> None:
        question = self._questions.get(answer.id)
        if question is not None:
            question.body = answer.body
            question.is_answered.set()


def _states(report: EngineReport) -> Any:
    states = {
        name: (status.state, status.active, status.cause)
        for name, status in report.statuses.items()
    }
    return report.since, states
