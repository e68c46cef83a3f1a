import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from omcrm.engine.bus import EngineQuestion, EngineReply, EngineReport, EngineTopic, LocalBus
from omcrm.engine.market_engine import EngineDetails
from omcrm.engine.remote_engine import RemoteEngine
from omcrm.errors import EngineUnreached
from omcrm.market.feed_status import FeedState, FeedStatus

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
STREAMING = FeedStatus(state=FeedState.STREAMING, active=True, type="websocket")


def report(since: datetime | None = NOW, **statuses: FeedStatus) -> EngineReport:
    return EngineReport(
        since=since,
        reviewed_at=since,
        failure=None,
        statuses=statuses,
        budgets={},
        rejected={"jump": 2},
        standbys={"BTC": "kraken"},
    )


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
def engine(bus: LocalBus) -> RemoteEngine:
    return RemoteEngine(bus)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the monotonic clock."""
    real, shift = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: real() + shift[0])

    def move(seconds: float) -> None:
        shift[0] += seconds

    return move


def test_it_is_what_was_reported(bus: LocalBus, engine: RemoteEngine) -> None:
    """The newest report."""
    assert (False, None, {}) == (engine.running, engine.since, engine.status())
    assert engine.failure() is not None

    bus.publish(report(binance=STREAMING))
    assert (True, NOW, None) == (engine.running, engine.since, engine.failure())
    assert {"binance": STREAMING} == engine.status()
    assert ({"jump": 2}, {"BTC": "kraken"}) == (engine.rejected(), engine.standbys())
    assert engine.becomes(True)

    bus.publish(report(None))
    assert (False, None) == (engine.running, engine.failure())
    assert engine.becomes(False)


def test_a_silent_engine_brings_no_prices(
    bus: LocalBus, engine: RemoteEngine, pass_time: Callable[[float], None]
) -> None:
    """No source is active then, whatever was reported last."""
    bus.publish(report(binance=STREAMING))
    pass_time(60)

    assert (False, None) == (engine.running, engine.since)
    assert engine.failure() is not None
    assert (False, FeedState.WAITING) == (
        engine.status()["binance"].active,
        engine.status()["binance"].state,
    )
    with pytest.raises(EngineUnreached):
        engine.explain("BTC")
    assert EngineDetails() == engine.details()


def test_changes_are_reported_once(bus: LocalBus, engine: RemoteEngine) -> None:
    """Counts of messages alone are no change."""
    changes: list[bool] = []
    engine.on_change(lambda: changes.append(engine.status()["binance"].active))
    bus.publish(report(binance=STREAMING))
    bus.publish(report(binance=msgspec.structs.replace(STREAMING, messages=7)))
    bus.publish(report(binance=msgspec.structs.replace(STREAMING, active=False)))

    assert [True, False] == changes


def test_a_question_gets_its_own_answer(bus: LocalBus, engine: RemoteEngine) -> None:
    """Answers to others do not count, nor do those that come twice."""
    asked: list[EngineQuestion] = []

    def answer(question: EngineQuestion) -> None:
        asked.append(question)
        body = msgspec.msgpack.encode(EngineDetails(chains={"BTC": ()}))
        for id_ in ("another", question.id, question.id):
            bus.publish(EngineReply(id_, body if id_ == question.id else b"?"))

    bus.subscribe(EngineQuestion, answer)
    bus.publish(report())

    assert EngineDetails(chains={"BTC": ()}) == engine.details()
    assert EngineTopic.DETAILS is asked[0].topic


def test_an_answer_may_come_from_another_thread(bus: LocalBus, engine: RemoteEngine) -> None:
    """As those of a bus do."""

    def answer(question: EngineQuestion) -> None:
        reply = EngineReply(question.id, msgspec.msgpack.encode(None))
        threading.Timer(0.05, bus.publish, [reply]).start()

    bus.subscribe(EngineQuestion, answer)
    bus.publish(report())

    assert engine.ask(EngineTopic.EXPLAIN, ("BTC",), type(None), 60) is None


@pytest.mark.parametrize("body", [b"", b"\xc1", msgspec.msgpack.encode({"rejected": 7})])
def test_an_unreadable_answer_is_none(bus: LocalBus, engine: RemoteEngine, body: bytes) -> None:
    """An engine of another version, or somebody else on the bus."""
    bus.subscribe(EngineQuestion, lambda question: bus.publish(EngineReply(question.id, body)))
    bus.publish(report())

    with pytest.raises(EngineUnreached):
        engine.ask(EngineTopic.DETAILS, (), EngineDetails)


def test_nobody_waits_for_ever(bus: LocalBus, engine: RemoteEngine) -> None:
    """An engine that reports but does not answer."""
    bus.publish(report())

    with pytest.raises(EngineUnreached):
        engine.ask(EngineTopic.DETAILS, (), EngineDetails, 0.05)
