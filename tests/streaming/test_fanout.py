"""Long for a reason: which quote is sent when, to whom and in which order is tested together."""

import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from omcrm.market.quote import Quote
from omcrm.streaming.fanout import FanOut, ResumePoint, ResumeToken
from omcrm.wire.client_counts import DeliveryCounts
from tests.streaming.page import (
    BLINK,
    FOR_EVER,
    Page,
    flush,
    publish,
    same_price,
    subscribed,
    written,
)
from tests.threads import Threads


@pytest.fixture
def fanout() -> Iterator[FanOut]:
    """A fan-out that has not been started, with a window that never ends."""
    fanout = FanOut(FOR_EVER)
    yield fanout
    fanout.stop()


@pytest.fixture
def running() -> Iterator[FanOut]:
    """A running fan-out with a short window; quotes of the same price are alike."""
    fanout = FanOut(BLINK, same_price)
    fanout.start()
    yield fanout
    fanout.stop()


# When a quote is sent


def test_the_first_change_is_sent_immediately_and_the_next_waits(fanout: FanOut) -> None:
    """After silence a quote is not delayed, independently of other symbols."""
    page = subscribed(fanout, "BTC ETH")
    fanout.start()
    publish(fanout, "BTC 1")
    page.wait("BTC 1")
    publish(fanout, "BTC 2", "ETH 3")
    page.wait("ETH 3")

    assert [["BTC 1"], ["ETH 3"]] == page.writes


def test_a_stream_is_sent_at_most_one_time_per_window(running: FanOut) -> None:
    """However fast a price changes, the last change arrives, and the others are counted."""
    page, began, seq = subscribed(running, "BTC"), time.monotonic(), 0
    while time.monotonic() - began < 6 * BLINK or len(page.writes) < 2:
        seq += 1
        publish(running, f"BTC {seq} {seq}")
        time.sleep(0.0005)
    page.wait(f"BTC {seq}")
    running.stop()
    writes, windows = len(page.writes), (time.monotonic() - began) / BLINK
    seqs = [int(packet.removeprefix("BTC ")) for packet in page.packets]
    conflated = seq - writes
    counts = DeliveryCounts(quotes=writes, updates=writes, conflated=conflated, skipped=0)

    assert 2 <= writes <= windows + 1
    assert sorted(set(seqs)) == seqs
    assert counts == running.counts()


def test_waiting_quotes_are_sent_in_one_write(fanout: FanOut) -> None:
    """In the order of their numbers."""
    page = subscribed(fanout, "BTC ETH SOL")
    flush(fanout, "SOL 3", "BTC 1", "ETH 2")

    assert [["BTC 1", "ETH 2", "SOL 3"]] == page.writes


def test_alike_quotes_wait_and_delay_no_others(running: FanOut) -> None:
    """A changed price is sent within its window; an alike quote arrives later."""
    page = subscribed(running, "BTC")
    publish(running, "BTC 1")
    page.wait("BTC 1")
    publish(running, "BTC 2", "BTC 3 2.0")
    page.wait("BTC 3")
    publish(running, "BTC 4 2.0", "BTC 5 2.0")
    page.wait("BTC 5")

    assert "BTC 5" == page.packets[-1]


def test_older_quotes_are_dropped(fanout: FanOut) -> None:
    """A quote that is not newer than the known one is not sent."""
    page = subscribed(fanout, "BTC")
    for seq in (5, 4, 5, 3, 6):
        flush(fanout, f"BTC {seq}")

    assert [["BTC 5"], ["BTC 6"]] == page.writes


# Encoding


def test_a_quote_is_encoded_one_time_for_a_thousand_pages(fanout: FanOut) -> None:
    """All pages of a dialect get the same bytes, also those with further symbols."""
    asked: Counter[str] = Counter()

    def dialect(quote: Quote) -> str:
        asked[written(quote)] += 1
        return written(quote)

    symbol_sets = ["BTC"] * 900 + [f"BTC S{number}" for number in range(100)]
    pages = [subscribed(fanout, symbols, dialect=dialect) for symbols in symbol_sets]
    stranger = subscribed(fanout, "BTC", dialect=lambda quote: "in other words")
    flush(fanout, "BTC 1")

    assert {"BTC 1": 1} == asked
    assert 1 == len({id(page.batches[0].framed) for page in pages})
    assert [["in other words"]] == stranger.writes
    assert 1001 == fanout.counts().updates


# Subscriptions


def test_subscribing_sends_the_newest_quotes(fanout: FanOut) -> None:
    """In the order of numbers, even within the window, and only symbols with a price."""
    flush(fanout, "BTC 5", "ETH 3", "SOL 4")
    publish(fanout, "BTC 9")
    page = subscribed(fanout, "BTC ETH SOL DOGE")

    assert [["ETH 3", "SOL 4", "BTC 9"]] == page.writes
    assert 9 == page.resume_point.seq


def test_subscribing_again_sends_waiting_and_pending_quotes(fanout: FanOut) -> None:
    """The page has everything up to its resume point then."""
    page = subscribed(fanout, "BTC ETH")
    page.ready = False
    flush(fanout, "ETH 1")
    page.ready = True
    publish(fanout, "BTC 3", "SOL 4")

    assert 4 == page.subscribe(fanout, "SOL").seq
    assert [["ETH 1", "BTC 3", "SOL 4"]] == page.writes


def test_unsubscribed_symbols_are_not_sent(fanout: FanOut) -> None:
    """Unsubscribing twice is harmless, and subscribing again sends the newest quote."""
    page, other = subscribed(fanout, "BTC ETH"), subscribed(fanout, "BTC")
    fanout.unsubscribe(page.subscriber, ["BTC", "unheard of"])
    fanout.unsubscribe(fanout.add(Page(), written), ["BTC"])
    flush(fanout, "BTC 1", "ETH 2")
    fanout.unsubscribe(page.subscriber, ["ETH"])
    flush(fanout, "BTC 3", "ETH 4")
    page.subscribe(fanout, "ETH")

    assert [["ETH 2"], ["ETH 4"]] == page.writes
    assert [["BTC 1"], ["BTC 3"]] == other.writes


def test_a_removed_subscriber_gets_nothing(fanout: FanOut) -> None:
    """Neither changes nor pending quotes; removing it twice is harmless."""
    page, slow, other = (subscribed(fanout, "BTC") for _ in range(3))
    slow.ready = False
    flush(fanout, "BTC 1")
    for watcher in (page, slow, page):
        fanout.remove(watcher.subscriber)
    slow.get_ready()
    flush(fanout, "BTC 2")

    assert ([["BTC 1"]], [], [["BTC 1"], ["BTC 2"]]) == (page.writes, slow.writes, other.writes)


def test_a_forgotten_symbol_is_not_sent(fanout: FanOut) -> None:
    """An instrument that is no longer followed has no last quote and no subscribers."""
    page = subscribed(fanout, "BTC ETH")
    flush(fanout, "BTC 1")
    publish(fanout, "BTC 2")
    fanout.forget(["BTC", "unheard of"])
    late = subscribed(fanout, "BTC ETH")
    flush(fanout, "ETH 3")

    assert [["BTC 1"], ["ETH 3"]] == page.writes
    assert [["ETH 3"]] == late.writes


# During a flush


class Interrupted:
    """Replaces `time`: every time slice ends at once, and a job runs between two."""

    def __init__(self) -> None:
        self.monotonic = itertools.count().__next__
        self.slices = 0
        self.jobs: list[Callable[[], object]] = []

    def sleep(self, seconds: float) -> None:
        self.slices += 1
        if self.jobs:
            self.jobs.pop()()


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Interrupted:
    """Interrupts a flush after its first time slice."""
    clock = Interrupted()
    monkeypatch.setattr("omcrm.streaming.fanout.time", clock)
    return clock


@pytest.mark.parametrize(
    ("act", "writes"),
    [
        (lambda fanout, page: page.subscribe(fanout, "SOL"), ["BTC 1", "ETH 2"]),
        (lambda fanout, page: page.subscribe(fanout, "BTC"), ["BTC 1", "ETH 2", "BTC 1"]),
        (lambda fanout, page: fanout.unsubscribe(page.subscriber, ["BTC"]), ["BTC 1", "ETH 2"]),
        (lambda fanout, page: fanout.forget(["BTC"]), ["BTC 1", "ETH 2"]),
        (lambda fanout, page: fanout.remove(page.subscriber), []),
    ],
)
def test_subscriptions_may_change_during_a_flush(
    interrupted: Interrupted, fanout: FanOut, act: Callable[..., None], writes: list[str]
) -> None:
    """A page that the flush has not reached gets its batch first, a single time."""
    pages = [subscribed(fanout, "BTC ETH") for _ in range(33)]
    interrupted.jobs.append(lambda: act(fanout, pages[0]))
    flush(fanout, "BTC 1", "ETH 2")

    assert writes == pages[0].packets
    assert [["BTC 1", "ETH 2"]] == pages[-1].writes


def test_nothing_older_follows_pending_quotes(interrupted: Interrupted, fanout: FanOut) -> None:
    """A page that becomes ready gets the newest quotes, not the flush's older ones afterwards."""
    pages = [subscribed(fanout, "BTC ETH") for _ in range(65)]
    pages[0].ready = False
    flush(fanout, "BTC 1", "ETH 2")
    interrupted.jobs += [pages[0].get_ready, lambda: publish(fanout, "BTC 9")]
    flush(fanout, "BTC 3")

    assert [["ETH 2", "BTC 9"]] == pages[0].writes[:1]
    assert {"BTC 9", "ETH 2"} == set(pages[0].packets)


def test_small_groups_yield_as_well(interrupted: Interrupted, fanout: FanOut) -> None:
    """A hundred pages with different symbols take several time slices, as with the same symbols."""
    for number in range(100):
        subscribed(fanout, f"BTC S{number}")
    flush(fanout, "BTC 1")

    assert 3 <= interrupted.slices


# Slow and failing subscribers


def test_a_slow_page_gets_the_newest_quotes_later(fanout: FanOut) -> None:
    """In one write and in the order of numbers; until then it gets nothing."""
    page = subscribed(fanout, "BTC ETH SOL")
    flush(fanout, "BTC 1", "ETH 2", "SOL 3")
    page.ready = False
    flush(fanout, "SOL 4")
    flush(fanout, "BTC 5")
    page.ready = True
    flush(fanout, "BTC 6")
    page.get_ready()
    page.get_ready()

    assert [["SOL 4", "BTC 6"]] == page.writes[1:]
    assert 3 == fanout.counts().skipped


def test_a_snapshot_stays_pending_until_it_is_accepted(fanout: FanOut) -> None:
    """Unsubscribed symbols are dropped from it, and the resume point is 0 meanwhile."""
    flush(fanout, "BTC 1", "ETH 2")
    page = subscribed(fanout, "BTC ETH", ready=False)
    page.ready_callback()
    fanout.unsubscribe(page.subscriber, ["BTC"])
    page.get_ready()

    assert [["ETH 2"]] == page.writes
    assert 0 == page.resume_point.seq


def test_a_failing_sink_does_not_affect_the_others(
    fanout: FanOut, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is logged, and all others get this change and the next."""
    crowd = [subscribed(fanout, f"BTC S{number % 2}") for number in range(9)]
    for watcher in crowd[::3]:
        monkeypatch.setattr(watcher, "try_send", None)
    with caplog.at_level(logging.ERROR):
        flush(fanout, "BTC 1")
        flush(fanout, "BTC 2", "S0 3")
    writes = {"BTC 1", "BTC 2"}

    assert "sending to a subscriber failed" == caplog.messages[0]
    assert [set(), writes, writes] * 3 == [{*reader.packets} - {"S0 3"} for reader in crowd]


# Rates


def test_each_rate_has_its_own_window(running: FanOut) -> None:
    """Slow subscribers wait while fast ones are sent to; changing the rate sends a snapshot."""
    fast, slow = subscribed(running, "BTC ETH"), subscribed(running, "BTC ETH", max_rate=0.1)
    for seq in (1, 2, 3):
        publish(running, f"BTC {seq} {seq}")
        fast.wait(f"BTC {seq}")
        slow.wait("BTC 1")
    slow.subscribe(running, "ETH", max_rate=1000)
    publish(running, "ETH 9")
    slow.wait("ETH 9")

    assert [["BTC 1"], ["BTC 3"], ["ETH 9"]] == slow.writes


# Resuming


@pytest.fixture
def left(fanout: FanOut, monkeypatch: pytest.MonkeyPatch) -> ResumePoint:
    """The resume point of a page that had three symbols and was removed."""
    monkeypatch.setattr("omcrm.streaming.rate_tier._RECORD_EVERY", 0.0)
    page = subscribed(fanout, "BTC ETH SOL")
    flush(fanout, "BTC 1")
    flush(fanout, "ETH 2", "SOL 3")
    publish(fanout, "DOGE 4")
    resume_point = page.subscribe(fanout, "BTC")
    fanout.remove(page.subscriber)
    return resume_point


def shown(fanout: FanOut, epoch: str, seq: int) -> list[str]:
    """The packets that a page gets when it resumes from there."""
    return subscribed(fanout, "BTC ETH SOL", since=ResumeToken(epoch, seq)).packets


def test_resuming_sends_only_what_changed(fanout: FanOut, left: ResumePoint) -> None:
    """Quotes that changed since, whether sent to others or waiting; nothing if none did."""
    assert [] == shown(fanout, left.epoch, left.seq)

    subscribed(fanout, "BTC ETH SOL")
    flush(fanout, "ETH 5")
    publish(fanout, "BTC 6")

    assert ["ETH 5", "BTC 6"] == shown(fanout, left.epoch, left.seq)


def test_a_lower_number_sent_later_is_sent_on_resuming(fanout: FanOut, left: ResumePoint) -> None:
    """The page got BTC 100, and lost its connection before it got ETH 90."""
    subscribed(fanout, "BTC ETH SOL")
    flush(fanout, "BTC 100")
    flush(fanout, "ETH 90")

    assert "ETH 90" in shown(fanout, left.epoch, 100)


def test_an_unknown_resume_token_gives_a_full_snapshot(fanout: FanOut, left: ResumePoint) -> None:
    """A token of another run, of the future, too old, or of another rate."""
    slow = subscribed(fanout, "BTC", max_rate=1e-6).resume_point
    everything = ["BTC 1", "ETH 2", "SOL 3"]
    for epoch, seq in (("other", 4), (left.epoch, 5), (left.epoch, 0), (slow.epoch, 4)):
        assert everything == shown(fanout, epoch, seq)


def test_each_rate_has_an_epoch(fanout: FanOut) -> None:
    """A new epoch if no subscriber kept the rate meanwhile, because the records are gone."""
    page = subscribed(fanout, "BTC")
    epochs = [page.subscribe(fanout, "BTC", max_rate=rate).epoch for rate in (1e-6, 1, 1e-6, 1)]

    assert 3 == len(set(epochs))
    assert epochs[1] == epochs[3] == subscribed(fanout, "ETH").resume_point.epoch


# Starting and stopping


def test_starting_and_stopping_twice_is_harmless(fanout: FanOut) -> None:
    """There is one thread while it runs and none afterwards."""
    threads = Threads()
    fanout.stop()
    for _ in range(2):
        fanout.start()

    assert ["fan-out"] == threads.new()

    for _ in range(2):
        fanout.stop()
    threads.wait()


def test_stopping_flushes_and_starting_resumes(fanout: FanOut) -> None:
    """Waiting quotes are sent before `stop` returns; later ones wait for the next start."""
    page = subscribed(fanout, "BTC")
    flush(fanout, "BTC 1")
    flush(fanout, "BTC 2")
    publish(fanout, "BTC 3")

    assert ["BTC 1", "BTC 2"] == page.packets

    flush(fanout)

    assert ["BTC 1", "BTC 2", "BTC 3"] == page.packets
