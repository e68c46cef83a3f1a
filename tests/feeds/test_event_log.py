"""What happened to the feeds is noted once, in words, and without secrets."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from omcrm.feeds.event_log import EventLog
from omcrm.market.failover import Failover, FailoverReason
from omcrm.market.feed_event import FeedEvent, FeedEventKind
from omcrm.market.tick import TopOfBook, Trade
from omcrm.market.validation import RejectedTick, RejectReason
from tests.values import KRAKEN, START, after, book, tick, trade


@pytest.fixture
def log() -> EventLog:
    """A log with nothing in it."""
    return EventLog()


def refusal(
    *parts: Trade | TopOfBook,
    seconds: float = 0,
    symbol: str = "BTC",
    held: str | None = None,
    others: tuple[tuple[str, Decimal], ...] = (),
) -> RejectedTick:
    refused = tick(*(parts or (trade("3"),)), symbol=symbol, at=after(seconds))
    return RejectedTick(RejectReason.JUMP, refused, None if held is None else Decimal(held), others)


def switch(
    symbol: str = "BTC", why: FailoverReason = FailoverReason.STALE, silent: float | None = None
) -> Failover:
    silence = None if silent is None else timedelta(seconds=silent)
    return Failover(START, symbol, "binance", "kraken", why, silence)


# States


def test_a_state_is_told_with_its_problem(log: EventLog) -> None:
    """Who reads it learns what the feed does now and what was wrong."""
    log.note_state(START, "binance", "waiting", "refused")
    log.note_state(after(1), "binance", "streaming", None)

    assert [
        FeedEvent(at=START, kind=FeedEventKind.STATE, source="binance", reason="waiting: refused"),
        FeedEvent(at=after(1), kind=FeedEventKind.STATE, source="binance", reason="streaming"),
    ] == log.take()


def test_secrets_are_hidden() -> None:
    """No reason carries a key, whoever wrote it, neither in what is kept nor in what is told."""
    log = EventLog(lambda text: text.replace("hunter2", "***"))
    log.note_state(START, "finnhub", "waiting", "no such token hunter2")
    kept, told = log.recent(), log.take()

    assert ["waiting: no such token ***"] == [event.reason for event in told]
    assert told == kept


# Changes of speaker


def test_what_changes_alike_is_one_event(log: EventLog) -> None:
    """All symbols of a failed source are in one line, in order, with the longest silence."""
    log.note_failovers([switch("ETH", silent=10.2), switch("BTC", silent=11.5678), switch("ADA")])
    (event,) = log.take()

    assert (
        FeedEvent(
            at=START,
            kind=FeedEventKind.TOOK_OVER,
            source="kraken",
            before="binance",
            symbols=("ADA", "BTC", "ETH"),
            reason="binance is stale",
            silent_seconds=11.568,
        )
        == event
    )


def test_what_changes_otherwise_is_an_event_of_its_own(log: EventLog) -> None:
    """Different reasons are not thrown together."""
    log.note_failovers([switch("BTC"), switch("ETH", FailoverReason.DOWN)])

    assert [("BTC",), ("ETH",)] == [event.symbols for event in log.take()]


@pytest.mark.parametrize(
    ("why", "kind", "words"),
    [
        (FailoverReason.FIRST, FeedEventKind.BEGAN, "first price"),
        (FailoverReason.DOWN, FeedEventKind.TOOK_OVER, "binance is down"),
        (FailoverReason.STALE, FeedEventKind.TOOK_OVER, "binance is stale"),
        (FailoverReason.RECOVERED, FeedEventKind.GAVE_BACK, "kraken has recovered"),
        (FailoverReason.CLOSED, FeedEventKind.TOOK_OVER, "the market is closed"),
    ],
)
def test_every_reason_has_words(
    log: EventLog, why: FailoverReason, kind: FeedEventKind, words: str
) -> None:
    """Each change is told by its kind and by a sentence."""
    log.note_failovers([switch(why=why)])
    (event,) = log.take()

    assert (kind, words, None) == (event.kind, event.reason, event.silent_seconds)


def test_every_reason_is_tested() -> None:
    """A new reason needs a word and a line above."""
    (mark,) = test_every_reason_has_words.pytestmark

    assert list(FailoverReason) == [why for why, *_ in mark.args[1]]


def test_nothing_is_no_event(log: EventLog) -> None:
    """A look at a quiet market notes nothing."""
    log.note_failovers([])
    log.note_refusals([])

    assert [] == log.take()


# Quarantine


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (refusal(trade("3")), "jump: price 3"),
        (refusal(book("3", "4")), "jump: book 3 / 4"),
        (refusal(trade("3"), book("2", "4")), "jump: price 3"),
        (refusal(trade("3"), held="1"), "jump: price 3; its last price was 1"),
        (
            refusal(
                trade("3"), held="1", others=(("kraken", Decimal(1)), ("coinbase", Decimal(2)))
            ),
            "jump: price 3; its last price was 1; kraken says 1; coinbase says 2",
        ),
    ],
)
def test_a_refused_price_is_told_with_what_spoke_against_it(
    log: EventLog, refused: RejectedTick, words: str
) -> None:
    """The reader can judge it: the price, the source's own last one and those of the others."""
    log.note_refusals([refused])

    assert [
        FeedEvent(
            at=START,
            kind=FeedEventKind.QUARANTINE,
            source="binance",
            symbols=("BTC",),
            reason=words,
        )
    ] == log.take()


def test_a_flood_of_refusals_is_told_once_a_minute(log: EventLog) -> None:
    """Who is refused again and again does not fill the log."""
    log.note_refusals([refusal(seconds=number) for number in (0, 1, 59.9, 60, 61, 120)])

    assert [START, after(60), after(120)] == [event.at for event in log.take()]


def test_floods_do_not_hide_each_other(log: EventLog) -> None:
    """Another symbol's and another source's refusals are news."""
    theirs = RejectedTick(RejectReason.JUMP, tick(trade("3"), source=KRAKEN))
    log.note_refusals([refusal(), refusal(symbol="ETH"), theirs])

    assert [("binance", ("BTC",)), ("binance", ("ETH",)), ("kraken", ("BTC",))] == [
        (event.source, event.symbols) for event in log.take()
    ]


# What is kept


def test_events_are_taken_once_and_remembered(log: EventLog) -> None:
    """What was taken comes no second time, and can be looked up newest first."""
    for second in range(3):
        log.note_state(after(second), "binance", "waiting", None)
    taken = log.take()

    assert [after(0), after(1), after(2)] == [event.at for event in taken]
    assert [] == log.take()
    assert taken[::-1] == log.recent()


def test_what_nobody_takes_does_not_grow(log: EventLog) -> None:
    """Without a database the newest are held, and no more than so many."""
    for second in range(1_000):
        log.note_state(after(second), "binance", "waiting", None)
    recent, taken = log.recent(), log.take()

    assert 500 == len(taken) == len(recent)
    assert after(999) == taken[-1].at == recent[0].at


def test_threads_lose_nothing(log: EventLog, restless: None) -> None:
    """Whatever is noted while others take is taken once."""
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
