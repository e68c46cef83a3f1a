"""Long for a reason: when a price leaves, to whom, in which order and which one, is one story."""

import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from omcrm.market.quote import Quote
from omcrm.streaming.fanout import FanOut, ResumePoint, ResumeToken
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
    """A fan-out that runs, with a short window; only another price cannot wait."""
    fanout = FanOut(BLINK, same_price)
    fanout.start()
    yield fanout
    fanout.stop()


# When it leaves


def test_first_change_leaves_at_once_and_the_next_waits(fanout: FanOut) -> None:
    """After silence nothing is waited for, for each symbol by itself."""
    page = subscribed(fanout, "BTC ETH")
    fanout.start()
    publish(fanout, "BTC 1")
    page.wait("BTC 1")
    publish(fanout, "BTC 2", "ETH 3")
    page.wait("ETH 3")

    assert [["BTC 1"], ["ETH 3"]] == page.writes


def test_a_stream_leaves_at_most_once_a_window(running: FanOut) -> None:
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
    counts = {"quotes": writes, "updates": writes, "conflated": seq - writes, "missed": 0}

    assert 2 <= writes <= windows + 1
    assert sorted(set(seqs)) == seqs
    assert counts == running.counts()


def test_what_waits_together_leaves_in_one_write(fanout: FanOut) -> None:
    """In the order of the numbers."""
    page = subscribed(fanout, "BTC ETH SOL")
    flush(fanout, "SOL 3", "BTC 1", "ETH 2")

    assert [["BTC 1", "ETH 2", "SOL 3"]] == page.writes


def test_what_is_alike_waits_and_holds_nothing_back(running: FanOut) -> None:
    """A change that counts leaves in its window; what looks the same arrives in the end."""
    page = subscribed(running, "BTC")
    publish(running, "BTC 1")
    page.wait("BTC 1")
    publish(running, "BTC 2", "BTC 3 2.0")
    page.wait("BTC 3")
    publish(running, "BTC 4 2.0", "BTC 5 2.0")
    page.wait("BTC 5")

    assert "BTC 5" == page.packets[-1]


def test_an_older_one_is_dropped(fanout: FanOut) -> None:
    """What was overtaken, or is known, is not told."""
    page = subscribed(fanout, "BTC")
    for seq in (5, 4, 5, 3, 6):
        flush(fanout, f"BTC {seq}")

    assert [["BTC 5"], ["BTC 6"]] == page.writes


# One for many


def test_a_quote_is_encoded_and_framed_once_for_a_thousand(fanout: FanOut) -> None:
    """All of a dialect get the same bytes, also those who watch other things besides."""
    asked: Counter[str] = Counter()

    def dialect(quote: Quote) -> str:
        asked[written(quote)] += 1
        return written(quote)

    wishes = ["BTC"] * 900 + [f"BTC S{number}" for number in range(100)]
    pages = [subscribed(fanout, wish, dialect=dialect) for wish in wishes]
    stranger = subscribed(fanout, "BTC", dialect=lambda quote: "in other words")
    flush(fanout, "BTC 1")

    assert {"BTC 1": 1} == asked
    assert 1 == len({id(page.batches[0].framed) for page in pages})
    assert [["in other words"]] == stranger.writes
    assert 1001 == fanout.counts()["updates"]


# What a page watches


def test_who_watches_is_shown_the_newest_at_once(fanout: FanOut) -> None:
    """In the order of the numbers, even within the window, and only what has a price."""
    flush(fanout, "BTC 5", "ETH 3", "SOL 4")
    publish(fanout, "BTC 9")
    page = subscribed(fanout, "BTC ETH SOL DOGE")

    assert [["ETH 3", "SOL 4", "BTC 9"]] == page.writes
    assert 9 == page.resume_point.seq


def test_who_watches_more_is_shown_all_that_it_lacks(fanout: FanOut) -> None:
    """What waits and what it is owed, too: it has everything up to its position then."""
    page = subscribed(fanout, "BTC ETH")
    page.ready = False
    flush(fanout, "ETH 1")
    page.ready = True
    publish(fanout, "BTC 3", "SOL 4")

    assert 4 == page.subscribe(fanout, "SOL").seq
    assert [["ETH 1", "BTC 3", "SOL 4"]] == page.writes


def test_what_is_unwatched_is_told_no_more(fanout: FanOut) -> None:
    """To that page; ending what was not begun is harmless, and beginning again shows the newest."""
    page, other = subscribed(fanout, "BTC ETH"), subscribed(fanout, "BTC")
    fanout.unsubscribe(page.subscriber, ["BTC", "unheard of"])
    fanout.unsubscribe(fanout.add(Page(), written), ["BTC"])
    flush(fanout, "BTC 1", "ETH 2")
    fanout.unsubscribe(page.subscriber, ["ETH"])
    flush(fanout, "BTC 3", "ETH 4")
    page.subscribe(fanout, "ETH")

    assert [["ETH 2"], ["ETH 4"]] == page.writes
    assert [["BTC 1"], ["BTC 3"]] == other.writes


def test_who_has_left_is_told_nothing(fanout: FanOut) -> None:
    """Neither what changes nor what it was owed; leaving twice is once."""
    page, slow, other = (subscribed(fanout, "BTC") for _ in range(3))
    slow.ready = False
    flush(fanout, "BTC 1")
    for watcher in (page, slow, page):
        fanout.remove(watcher.subscriber)
    slow.get_ready()
    flush(fanout, "BTC 2")

    assert ([["BTC 1"]], [], [["BTC 1"], ["BTC 2"]]) == (page.writes, slow.writes, other.writes)


def test_what_is_forgotten_is_neither_shown_nor_told(fanout: FanOut) -> None:
    """An instrument that is followed no more has no last price, and nobody who watches it."""
    page = subscribed(fanout, "BTC ETH")
    flush(fanout, "BTC 1")
    publish(fanout, "BTC 2")
    fanout.forget(["BTC", "unheard of"])
    late = subscribed(fanout, "BTC ETH")
    flush(fanout, "ETH 3")

    assert [["BTC 1"], ["ETH 3"]] == page.writes
    assert [["ETH 3"]] == late.writes


# In the middle of telling many


class Interrupted:
    """In place of `time`: every turn of writing is over at once, and a job comes between two."""

    def __init__(self) -> None:
        self.monotonic = itertools.count().__next__
        self.turns = 0
        self.jobs: list[Callable[[], object]] = []

    def sleep(self, seconds: float) -> None:
        self.turns += 1
        if self.jobs:
            self.jobs.pop()()


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Interrupted:
    """A moment after the first turn."""
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
def test_wishes_may_change_in_the_middle_of_a_flush(
    interrupted: Interrupted, fanout: FanOut, act: Callable[..., None], writes: list[str]
) -> None:
    """A page whose turn is still to come gets its part first, once, and nothing afterwards."""
    pages = [subscribed(fanout, "BTC ETH") for _ in range(33)]
    interrupted.jobs.append(lambda: act(fanout, pages[0]))
    flush(fanout, "BTC 1", "ETH 2")

    assert writes == pages[0].packets
    assert [["BTC 1", "ETH 2"]] == pages[-1].writes


def test_nothing_older_follows_what_was_owed(interrupted: Interrupted, fanout: FanOut) -> None:
    """Who gets ready is given the newest of all, and not what the flush still has for it."""
    pages = [subscribed(fanout, "BTC ETH") for _ in range(65)]
    pages[0].ready = False
    flush(fanout, "BTC 1", "ETH 2")
    interrupted.jobs += [pages[0].get_ready, lambda: publish(fanout, "BTC 9")]
    flush(fanout, "BTC 3")

    assert [["ETH 2", "BTC 9"]] == pages[0].writes[:1]
    assert {"BTC 9", "ETH 2"} == set(pages[0].packets)


def test_small_groups_let_others_run_too(interrupted: Interrupted, fanout: FanOut) -> None:
    """A hundred pages with a watchlist each take several turns, like a hundred with the same."""
    for number in range(100):
        subscribed(fanout, f"BTC S{number}")
    flush(fanout, "BTC 1")

    assert 3 <= interrupted.turns


# Those who cannot take it


def test_who_is_not_ready_is_owed_the_newest_of_what_it_missed(fanout: FanOut) -> None:
    """In one write and in the order of the numbers; until then nothing else."""
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
    assert 3 == fanout.counts()["missed"]


def test_a_snapshot_stays_owed_until_it_is_taken(fanout: FanOut) -> None:
    """What is unwatched meanwhile is not, and from what may never arrive nobody can come back."""
    flush(fanout, "BTC 1", "ETH 2")
    page = subscribed(fanout, "BTC ETH", ready=False)
    page.ready_callback()
    fanout.unsubscribe(page.subscriber, ["BTC"])
    page.get_ready()

    assert [["ETH 2"]] == page.writes
    assert 0 == page.resume_point.seq


def test_one_who_cannot_be_told_does_not_hurt_the_others(
    fanout: FanOut, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and everybody else is told this change and the next."""
    crowd = [subscribed(fanout, f"BTC S{number % 2}") for number in range(9)]
    for watcher in crowd[::3]:
        monkeypatch.setattr(watcher, "offer", None)
    with caplog.at_level(logging.ERROR):
        flush(fanout, "BTC 1")
        flush(fanout, "BTC 2", "S0 3")
    writes = {"BTC 1", "BTC 2"}

    assert "telling a subscriber failed" == caplog.messages[0]
    assert [set(), writes, writes] * 3 == [{*reader.packets} - {"S0 3"} for reader in crowd]


# How often


def test_each_pace_is_kept_by_itself(running: FanOut) -> None:
    """The slow ones wait while the fast ones go on; who changes its pace is shown all."""
    fast, slow = subscribed(running, "BTC ETH"), subscribed(running, "BTC ETH", max_rate=0.1)
    for seq in (1, 2, 3):
        publish(running, f"BTC {seq} {seq}")
        fast.wait(f"BTC {seq}")
        slow.wait("BTC 1")
    slow.subscribe(running, "ETH", max_rate=1000)
    publish(running, "ETH 9")
    slow.wait("ETH 9")

    assert [["BTC 1"], ["BTC 3"], ["ETH 9"]] == slow.writes


# Coming back


@pytest.fixture
def left(fanout: FanOut, monkeypatch: pytest.MonkeyPatch) -> ResumePoint:
    """Where a page was when it lost its connection; it had three symbols."""
    monkeypatch.setattr("omcrm.streaming.rate_tier._RECORD_EVERY", 0.0)
    page = subscribed(fanout, "BTC ETH SOL")
    flush(fanout, "BTC 1")
    flush(fanout, "ETH 2", "SOL 3")
    publish(fanout, "DOGE 4")
    resume_point = page.subscribe(fanout, "BTC")
    fanout.remove(page.subscriber)
    return resume_point


def shown(fanout: FanOut, epoch: str, seq: int) -> list[str]:
    """What a page is sent that comes back from there."""
    return subscribed(fanout, "BTC ETH SOL", since=ResumeToken(epoch, seq)).packets


def test_who_comes_back_is_sent_what_changed(fanout: FanOut, left: ResumePoint) -> None:
    """Nothing else, and nothing where nothing did; whether it was told to others or waits."""
    assert [] == shown(fanout, left.epoch, left.seq)

    subscribed(fanout, "BTC ETH SOL")
    flush(fanout, "ETH 5")
    publish(fanout, "BTC 6")

    assert ["ETH 5", "BTC 6"] == shown(fanout, left.epoch, left.seq)


def test_a_lower_number_that_was_told_later_is_sent(fanout: FanOut, left: ResumePoint) -> None:
    """The page was told BTC 100, and lost its connection before it was told ETH 90."""
    subscribed(fanout, "BTC ETH SOL")
    flush(fanout, "BTC 100")
    flush(fanout, "ETH 90")

    assert "ETH 90" in shown(fanout, left.epoch, 100)


def test_who_comes_from_elsewhere_is_shown_everything(fanout: FanOut, left: ResumePoint) -> None:
    """Another run of the process, the future, the beginning of time, or another pace."""
    slow = subscribed(fanout, "BTC", max_rate=1e-6).resume_point
    everything = ["BTC 1", "ETH 2", "SOL 3"]
    for epoch, seq in (("other", 4), (left.epoch, 5), (left.epoch, 0), (slow.epoch, 4)):
        assert everything == shown(fanout, epoch, seq)


def test_each_pace_has_its_epoch(fanout: FanOut) -> None:
    """And another one if nobody kept it meanwhile: who could say what was told?"""
    page = subscribed(fanout, "BTC")
    epochs = [page.subscribe(fanout, "BTC", max_rate=rate).epoch for rate in (1e-6, 1, 1e-6, 1)]

    assert 3 == len(set(epochs))
    assert epochs[1] == epochs[3] == subscribed(fanout, "ETH").resume_point.epoch


# Starting and stopping


def test_starting_and_stopping_twice_is_once(fanout: FanOut) -> None:
    """There is one thread while it runs and none afterwards."""
    threads = Threads()
    fanout.stop()
    for _ in range(2):
        fanout.start()

    assert ["fan-out"] == threads.new()

    for _ in range(2):
        fanout.stop()
    threads.wait()


def test_stopping_tells_what_waits_and_starting_goes_on(fanout: FanOut) -> None:
    """In the middle of a window, before the stop is over; what comes then waits for the start."""
    page = subscribed(fanout, "BTC")
    flush(fanout, "BTC 1")
    flush(fanout, "BTC 2")
    publish(fanout, "BTC 3")

    assert ["BTC 1", "BTC 2"] == page.packets

    flush(fanout)

    assert ["BTC 1", "BTC 2", "BTC 3"] == page.packets
