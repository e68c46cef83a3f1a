"""Each event of the feeds is recorded once, with a code and its figures."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from omcrm.feeds.event_log import EventLog
from omcrm.market.comparison import Contradiction, Dispute, DisputeRule
from omcrm.market.failover import Failover, FailoverReason
from omcrm.market.feed_event import (
    FeedCode,
    FeedEvent,
    FeedEventKind,
    FeedFigures,
    FeedProblem,
    SourcePrice,
)
from omcrm.market.tick import TopOfBook, Trade
from omcrm.market.validation import RejectedTick, RejectReason
from tests.values import KRAKEN, START, after, book, tick, trade


@pytest.fixture
def log() -> EventLog:
    """An empty log."""
    return EventLog()


def rejected(
    *parts: Trade | TopOfBook,
    seconds: float = 0,
    symbol: str = "BTC",
    held: str | None = None,
    others: tuple[tuple[str, Decimal], ...] = (),
) -> RejectedTick:
    refused = tick(*(parts or (trade("3"),)), symbol=symbol, at=after(seconds))
    return RejectedTick(RejectReason.JUMP, refused, None if held is None else Decimal(held), others)


def failover(
    symbol: str = "BTC", reason: FailoverReason = FailoverReason.STALE, age: float | None = None
) -> Failover:
    price_age = None if age is None else timedelta(seconds=age)
    return Failover(START, symbol, "binance", "kraken", reason, price_age)


# States


def test_a_state_event_has_its_problem(log: EventLog) -> None:
    """The new state is a figure beside those of the problem."""
    figures = FeedFigures(status=429, detail="limited")
    log.note_state(START, "binance", "waiting", FeedProblem(FeedCode.REFUSED, figures))
    log.note_state(after(1), "binance", "streaming", None)
    waiting, streaming = log.take()

    assert (START, FeedEventKind.STATE, "binance") == (waiting.at, waiting.kind, waiting.source)
    assert (FeedCode.REFUSED, "waiting", 429, "limited") == (
        waiting.code,
        waiting.figures.state,
        waiting.figures.status,
        waiting.figures.detail,
    )
    assert (FeedCode.NEW_STATE, FeedFigures(state="streaming")) == (
        streaming.code,
        streaming.figures,
    )


# Failovers


def test_what_changes_alike_is_one_event(log: EventLog) -> None:
    """All symbols of a failed source are in one event, sorted, with the oldest price's age."""
    log.note_failovers([failover("ETH", age=10.2), failover("BTC", age=11.5678), failover("ADA")])
    (event,) = log.take()

    assert (
        FeedEvent(
            at=START,
            kind=FeedEventKind.TOOK_OVER,
            source="kraken",
            before="binance",
            symbols=("ADA", "BTC", "ETH"),
            code=FeedCode.SOURCE_STALE,
            silent_seconds=11.568,
        )
        == event
    )


def test_what_changes_otherwise_is_an_event_of_its_own(log: EventLog) -> None:
    """Different reasons make different events."""
    log.note_failovers([failover("BTC"), failover("ETH", FailoverReason.DOWN)])

    assert [("BTC",), ("ETH",)] == [event.symbols for event in log.take()]


@pytest.mark.parametrize(
    ("reason", "kind", "code"),
    [
        (FailoverReason.FIRST, FeedEventKind.BEGAN, FeedCode.FIRST_PRICE),
        (FailoverReason.DOWN, FeedEventKind.TOOK_OVER, FeedCode.SOURCE_DOWN),
        (FailoverReason.OFF, FeedEventKind.TOOK_OVER, FeedCode.SOURCE_OFF),
        (FailoverReason.STALE, FeedEventKind.TOOK_OVER, FeedCode.SOURCE_STALE),
        (
            FailoverReason.CONTRADICTED,
            FeedEventKind.TOOK_OVER,
            FeedCode.SOURCE_CONTRADICTED,
        ),
        (FailoverReason.RECOVERED, FeedEventKind.GAVE_BACK, FeedCode.SOURCE_RECOVERED),
        (FailoverReason.CLOSED, FeedEventKind.TOOK_OVER, FeedCode.MARKET_CLOSED),
    ],
)
def test_every_reason_has_a_code(
    log: EventLog, reason: FailoverReason, kind: FeedEventKind, code: FeedCode
) -> None:
    """Each failover has a kind and a code."""
    log.note_failovers([failover(reason=reason)])
    (event,) = log.take()

    assert (kind, code, None) == (event.kind, event.code, event.silent_seconds)


def test_every_reason_is_tested() -> None:
    """A new reason needs a code and a line above."""
    (mark,) = test_every_reason_has_a_code.pytestmark

    assert list(FailoverReason) == [reason for reason, *_ in mark.args[1]]


def test_nothing_is_no_event(log: EventLog) -> None:
    """Empty lists add no event."""
    log.note_failovers([])
    log.note_rejected_ticks([])

    assert [] == log.take()


# Quarantine


@pytest.mark.parametrize(
    ("refused", "figures"),
    [
        (rejected(trade("3")), FeedFigures(price=Decimal(3))),
        (rejected(book("3", "4")), FeedFigures(bid=Decimal(3), ask=Decimal(4))),
        (
            rejected(trade("3"), book("2", "4")),
            FeedFigures(price=Decimal(3), bid=Decimal(2), ask=Decimal(4)),
        ),
        (
            rejected(trade("3"), held="1", others=(("kraken", Decimal(1)),)),
            FeedFigures(
                price=Decimal(3), held=Decimal(1), others=(SourcePrice("kraken", Decimal(1)),)
            ),
        ),
    ],
)
def test_a_rejected_price_is_reported_with_its_reference_prices(
    log: EventLog, refused: RejectedTick, figures: FeedFigures
) -> None:
    """The figures are the price, the source's own last one and those of the other sources."""
    log.note_rejected_ticks([refused])

    assert [
        FeedEvent(
            at=START,
            kind=FeedEventKind.QUARANTINE,
            source="binance",
            symbols=("BTC",),
            code=FeedCode.JUMP,
            figures=figures,
        )
    ] == log.take()


def test_a_flood_of_rejections_makes_one_event_a_minute(log: EventLog) -> None:
    """Repeated rejections do not fill the log."""
    log.note_rejected_ticks([rejected(seconds=number) for number in (0, 1, 59.9, 60, 61, 120)])

    assert [START, after(60), after(120)] == [event.at for event in log.take()]


def test_floods_do_not_hide_each_other(log: EventLog) -> None:
    """Rejections of another symbol or another source make events of their own."""
    theirs = RejectedTick(RejectReason.JUMP, tick(trade("3"), source=KRAKEN))
    log.note_rejected_ticks([rejected(), rejected(symbol="ETH"), theirs])

    assert [("binance", ("BTC",)), ("binance", ("ETH",)), ("kraken", ("BTC",))] == [
        (event.source, event.symbols) for event in log.take()
    ]


# Sources that contradict each other


@pytest.mark.parametrize(
    ("by_agreement", "code"),
    [(True, FeedCode.AGREED), (False, FeedCode.NO_LONGER_COMPARED)],
)
def test_sources_agree_only_where_they_do(
    log: EventLog, by_agreement: bool, code: FeedCode
) -> None:
    """An end says how; a dispute without an event of its beginning has none of its end."""
    dispute = Dispute(frozenset({"binance", "kraken"}), DisputeRule.UNDECIDED, ())
    ended = Contradiction(after(9), "BTC", "binance", True, None, by_agreement)
    log.note_contradictions([ended])
    log.note_contradictions([Contradiction(START, "BTC", "binance", True, dispute), ended])

    assert [FeedCode.NOT_DECIDED, code] == [event.code for event in log.take()]


# Kept events


def test_events_are_taken_once_and_kept(log: EventLog) -> None:
    """A taken event is not returned again, but stays in the list, newest first."""
    for second in range(3):
        log.note_state(after(second), "binance", "waiting", None)
    taken = log.take()

    assert [after(0), after(1), after(2)] == [event.at for event in taken]
    assert [] == log.take()
    assert taken[::-1] == log.recent()


def test_what_nobody_takes_does_not_grow(log: EventLog) -> None:
    """Without a database only the newest 500 are kept."""
    for second in range(1_000):
        log.note_state(after(second), "binance", "waiting", None)
    recent, taken = log.recent(), log.take()

    assert 500 == len(taken) == len(recent)
    assert after(999) == taken[-1].at == recent[0].at


def test_threads_lose_nothing(log: EventLog, restless: None) -> None:
    """Events that are added while other threads take are taken once."""
    taken: list[FeedEvent] = []

    def note(number: int) -> None:
        for second in range(100):
            log.note_state(after(second), str(number), "waiting", None)

    threads = [threading.Thread(target=note, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += log.take()
    taken += log.take()

    assert 400 == len(taken) == len({(event.source, event.at) for event in taken})
