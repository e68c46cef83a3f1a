"""Long for a reason: when a price may leave, and who lacks which, in a time that the test sets."""

import math
import random
from itertools import pairwise, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.streaming.batch import BatchEncoder
from tests.streaming.timed_tier import (
    NOON,
    SYMBOLS,
    WINDOW,
    TimedTier,
    price,
    subscriber,
)

# When it leaves


def test_first_change_may_leave_at_once(timed_tier: TimedTier) -> None:
    """After silence nothing is waited for, for each symbol by itself."""
    timed_tier.send(NOON, price(1))
    timed_tier.note(NOON + WINDOW / 2, price(2, "ETH"))

    assert timed_tier.tier.next_flush(NOON + WINDOW / 2) <= NOON + WINDOW / 2
    assert [2] == timed_tier.flush(NOON + WINDOW / 2)


def test_within_the_window_nothing_more_leaves(timed_tier: TimedTier) -> None:
    """The next change waits for the rest of the window, and the newest is what leaves then."""
    timed_tier.send(NOON, price(1))

    assert [NOON + WINDOW, None, None] == timed_tier.note(NOON + 0.01, price(2), price(3), price(4))
    assert NOON + WINDOW == timed_tier.tier.next_flush(NOON + 0.01)
    assert [] == timed_tier.flush(NOON + WINDOW - 0.01)
    assert [4] == timed_tier.flush(NOON + WINDOW)
    assert 2 == timed_tier.tier.conflated


def test_after_a_window_of_silence_the_next_leaves_at_once(timed_tier: TimedTier) -> None:
    """Who was quiet does not wait again, and earns no second one by that."""
    timed_tier.send(NOON, price(1))

    assert [2] == timed_tier.send(NOON + 10, price(2))
    assert [] == timed_tier.send(NOON + 10 + WINDOW / 2, price(3))
    assert [3] == timed_tier.flush(NOON + 10 + WINDOW)


def test_next_turn_is_known_before_anything_waits(timed_tier: TimedTier) -> None:
    """The first of some symbols that may leave again; what never left has no turn."""
    timed_tier.send(NOON, price(1))
    timed_tier.send(NOON + 0.01, price(2, "ETH"))

    assert NOON + WINDOW == timed_tier.tier.next_send_at(["ETH", "BTC", "SOL"])
    assert math.inf == timed_tier.tier.next_send_at(["SOL"])
    assert math.inf == timed_tier.tier.next_send_at([])


def test_what_is_not_watched_does_not_wait(timed_tier: TimedTier) -> None:
    """Nobody is there to be told."""
    assert [None] == timed_tier.note(NOON, price(1, "DOGE"))
    assert math.inf == timed_tier.tier.next_flush(NOON)


def test_hurry_lets_everything_go(timed_tier: TimedTier) -> None:
    """At the end nobody waits for a turn; the order is that of the numbers, as always."""
    timed_tier.send(NOON, price(1))
    timed_tier.note(NOON, price(5), price(4, "ETH"), price(3, "SOL"))
    timed_tier.tier.flush_now()

    assert [3, 4, 5] == timed_tier.flush(NOON)


def test_what_is_forgotten_does_not_leave(timed_tier: TimedTier) -> None:
    """Its window is forgotten, too: it begins anew if it comes back."""
    timed_tier.send(NOON, price(1))
    timed_tier.note(NOON, price(2), price(3, "ETH"))
    timed_tier.tier.forget("BTC")
    timed_tier.tier.forget("unheard of")

    assert [3] == timed_tier.flush(NOON + WINDOW)
    assert [9] == timed_tier.send(NOON + WINDOW + 0.01, price(9))


# Together


def test_those_that_wait_close_to_each_other_leave_together(timed_tier: TimedTier) -> None:
    """Turns within a quarter of a window of the first are one flush, and one pace afterwards."""
    for number, symbol in enumerate(SYMBOLS):
        timed_tier.send(NOON + number * WINDOW / 5, price(number + 1, symbol))
    timed_tier.note(
        NOON + WINDOW / 2, *[price(number, symbol) for number, symbol in enumerate(SYMBOLS, 4)]
    )
    both = NOON + WINDOW + WINDOW / 5

    assert both == timed_tier.tier.next_flush(NOON + WINDOW / 2)
    assert [4, 5] == timed_tier.flush(both)
    assert (
        both + WINDOW
        == timed_tier.tier.next_send_at(["BTC"])
        == timed_tier.tier.next_send_at(["ETH"])
    )


def test_what_may_leave_now_waits_for_nobody(timed_tier: TimedTier) -> None:
    """A first change after silence is not held back for one whose turn comes soon."""
    timed_tier.send(NOON, price(1))
    now = NOON + WINDOW - WINDOW / 8
    timed_tier.note(now, price(2), price(3, "ETH"))

    assert timed_tier.tier.next_flush(now) <= now


# The pace


def test_a_late_flush_does_not_slow_its_symbols_down(timed_tier: TimedTier) -> None:
    """The next turn is counted from the time at which it should have left."""
    timed_tier.send(NOON, price(1))
    timed_tier.send(NOON + WINDOW + WINDOW / 4, price(2))

    assert NOON + 2 * WINDOW == timed_tier.tier.next_send_at(["BTC"])


def test_a_very_late_flush_begins_a_new_pace(timed_tier: TimedTier) -> None:
    """Otherwise two would leave at almost the same time; others that leave with it keep theirs."""
    timed_tier.send(NOON, price(1))
    timed_tier.send(NOON + WINDOW / 2, price(2, "ETH"))
    timed_tier.send(NOON + WINDOW * 1.75, price(3), price(4, "ETH"))

    assert NOON + WINDOW * 2.75 == timed_tier.tier.next_send_at(["BTC"])
    assert NOON + WINDOW * 2.5 == timed_tier.tier.next_send_at(["ETH"])


def test_a_source_as_fast_as_the_window_is_told_as_often(timed_tier: TimedTier) -> None:
    """Though it trembles, and every flush is a little late, hardly any change is skipped."""
    chance = random.Random(1)
    changes = [
        (NOON + number * WINDOW + chance.uniform(0, 0.1) * WINDOW, price(number + 1))
        for number in range(1000)
    ]
    timed_tier.run(changes, iter(lambda: chance.uniform(0, 0.1) * WINDOW, None))

    assert 990 <= len(timed_tier.times())


@pytest.mark.parametrize("phase", [0.05, 0.3, 0.7, 0.95])
def test_a_source_in_step_with_the_lane_does_not_wait_for_ever(
    timed_tier: TimedTier, phase: float
) -> None:
    """It beats as fast as the lane, a little after it: the two beats come to meet."""
    beats = [NOON + (number + phase) * WINDOW for number in range(1, 60)]
    changes = [(NOON, price(1)), *((at, price(seq + 2)) for seq, at in enumerate(beats))]
    timed_tier.run(changes, repeat(0.0))

    waits = [sent - came for sent, (came, _) in zip(timed_tier.times(), changes, strict=True)]
    assert max(waits[-20:]) <= 0.11 * WINDOW


def test_a_faster_source_is_told_at_the_lanes_pace(timed_tier: TimedTier) -> None:
    """Whoever changes all the time is told once a window, not more."""
    changes = [(NOON + number * WINDOW / 7, price(number + 1)) for number in range(700)]
    timed_tier.run(changes, repeat(0.0))

    assert {WINDOW} == {later - sooner for sooner, later in pairwise(timed_tier.times())}


@pytest.mark.parametrize("faster", [1.01, 1.05, 1.1, 1.2])
def test_a_source_a_little_faster_is_told_hardly_more_often(
    timed_tier: TimedTier, faster: float
) -> None:
    """The lane may come into step with it once, and after that only a very little."""
    timed_tier.run([(NOON + n * WINDOW / faster, price(n + 1)) for n in range(1000)], repeat(0.0))
    times = timed_tier.times()

    assert len(times) <= 2 + 1.006 * (times[-1] - times[0]) / WINDOW


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(st.integers(0, 1000), st.floats(0.1, 20.0), st.floats(0.0, 0.45))
def test_any_source_is_told_once_a_window_and_to_the_end(
    seed: int, eagerness: float, feed_latency: float
) -> None:
    """No symbol is told too often, none is forgotten for others, and the last one arrives."""
    chance, timed_tier, at, changes = random.Random(seed), TimedTier(), NOON, []
    for seq in range(1, 201):
        at += chance.expovariate(eagerness * len(SYMBOLS)) * WINDOW
        changes.append((at, price(seq, chance.choice(SYMBOLS))))
    timed_tier.run(changes, iter(lambda: chance.uniform(0, feed_latency) * WINDOW, None))

    for symbol in {change.symbol for _, change in changes}:
        times = timed_tier.times(symbol)
        seqs = [seq for _, name, seq in timed_tier.sent if name == symbol]
        came = [time for time, change in changes if change.symbol == symbol]

        assert sorted(set(seqs)) == seqs
        assert timed_tier.known[symbol].seq == seqs[-1]
        assert times[-1] <= came[-1] + (1 + 0.25 + feed_latency) * WINDOW
        assert len(times) <= 1 + (times[-1] - times[0]) / WINDOW + 1e-6
        assert all(later - sooner >= WINDOW / 2 for sooner, later in pairwise(times))
    assert 200 == len(timed_tier.sent) + timed_tier.tier.conflated


def test_a_fast_symbol_does_not_keep_others_from_their_turn(timed_tier: TimedTier) -> None:
    """However often one changes, another leaves within a quarter of a window of its time."""
    fast = [(NOON + number * WINDOW / 50, price(number + 1)) for number in range(2000)]
    slow = [(NOON + number * WINDOW * 1.3, price(5000 + number, "ETH")) for number in range(1, 30)]
    timed_tier.run([*fast, *slow], repeat(0.0))
    came = {quote.seq: at for at, quote in slow}
    waited = [at - came[seq] for at, name, seq in timed_tier.sent if name == "ETH"]

    assert 29 == len(waited)
    assert max(waited) <= WINDOW / 4


# What is alike


def test_what_is_alike_is_kept_for_a_second(price_tier: TimedTier) -> None:
    """The last of them arrives then: it is a sign of life, which after silence need not wait."""
    price_tier.send(NOON, price(1))

    assert [NOON + 1] == price_tier.note(NOON + 0.2, price(2))
    assert [None] == price_tier.note(NOON + 0.9, price(3))
    assert [] == price_tier.flush(NOON + 0.99)
    assert [3] == price_tier.flush(NOON + 1)
    assert math.inf == price_tier.tier.next_flush(NOON + 1)
    assert [NOON + 2] == price_tier.note(NOON + 1.5, price(4))
    assert [4] == price_tier.flush(NOON + 2)
    assert [5] == price_tier.send(NOON + 3, price(5))


def test_a_change_that_counts_is_not_held_back_by_one_that_does_not(price_tier: TimedTier) -> None:
    """It leaves at its own turn, and takes the place of the one that waited."""
    price_tier.send(NOON, price(1))
    price_tier.note(NOON + 0.5, price(2))

    assert [NOON + WINDOW] == price_tier.note(NOON + 0.5, price(3, number="2"))
    assert [3] == price_tier.flush(NOON + 0.5)
    assert math.inf == price_tier.tier.next_flush(NOON + 0.5)


def test_what_went_and_came_back_still_leaves_in_time(price_tier: TimedTier) -> None:
    """Who came in between was shown the other price: all are told that it is over."""
    price_tier.send(NOON, price(1))
    price_tier.note(NOON + 0.01, price(2, number="2"))
    price_tier.note(NOON + 0.02, price(3, number="1"))

    assert [3] == price_tier.flush(NOON + WINDOW)


def test_what_nobody_watched_was_not_told(price_tier: TimedTier) -> None:
    """What changed and came back while nobody looked is not alike to what was shown then."""
    price_tier.send(NOON, price(1))
    price_tier.tier.set_symbols(price_tier.viewer, frozenset())
    price_tier.note(NOON + 1, price(2, number="2"))
    price_tier.tier.set_symbols(price_tier.viewer, frozenset({"BTC"}))

    assert [3] == price_tier.send(NOON + 1.5, price(3, number="1"))


# Who is told


def test_those_with_the_same_symbols_are_one_group(timed_tier: TimedTier) -> None:
    """Per dialect: they get the same bytes."""
    one, other = BatchEncoder(str), BatchEncoder(repr)
    crowd = [subscriber(one) for _ in range(100)]
    for watcher in crowd:
        timed_tier.tier.set_symbols(watcher, frozenset({"DOGE", "ADA"}))
    stranger, loner = subscriber(other), subscriber(one)
    timed_tier.tier.set_symbols(stranger, frozenset({"DOGE", "ADA"}))
    timed_tier.tier.set_symbols(loner, frozenset({"DOGE"}))

    assert 1 == len({id(member.group) for member in crowd})
    assert crowd == list(crowd[0].group.members)
    assert 3 == len({id(member.group) for member in (crowd[0], stranger, loner)})
    assert 103 == timed_tier.tier.size


def test_only_those_concerned_are_found(timed_tier: TimedTier) -> None:
    """Each group with what it gets of several quotes, in order."""
    loner = subscriber()
    timed_tier.tier.set_symbols(loner, frozenset({"ETH"}))
    btc, eth, doge = price(1), price(2, "ETH"), price(3, "DOGE")

    assert {
        timed_tier.viewer.group: [btc, eth],
        loner.group: [eth],
    } == timed_tier.tier.quotes_by_group([btc, eth, doge])
    assert [timed_tier.viewer] == timed_tier.tier.subscribers_of({"BTC", "DOGE"})
    assert {timed_tier.viewer, loner} == set(timed_tier.tier.subscribers_of({"ETH"}))


def test_who_is_placed_anew_is_nowhere_else(timed_tier: TimedTier) -> None:
    """Groups without members are gone, and so are their symbols."""
    timed_tier.tier.set_symbols(timed_tier.viewer, frozenset({"BTC"}))

    assert [] == timed_tier.tier.subscribers_of({"ETH", "SOL"})
    assert [None] == timed_tier.note(NOON, price(1, "ETH"))
    assert 1 == timed_tier.tier.size

    timed_tier.tier.set_symbols(timed_tier.viewer, frozenset())

    assert {} == timed_tier.tier.quotes_by_group([price(2)])
    assert (0, None) == (timed_tier.tier.size, timed_tier.viewer.group)
