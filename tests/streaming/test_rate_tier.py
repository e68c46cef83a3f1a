"""Long for a reason: when a quote is due, with a test clock; resuming has its own file."""

import math
import random
from itertools import pairwise, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.streaming.rate_tier import BatchEncoder
from tests.streaming.timed_tier import (
    NOON,
    SYMBOLS,
    WINDOW,
    TimedTier,
    price,
    subscriber,
)

# When a quote is due


def test_the_first_change_is_due_immediately(timed_tier: TimedTier) -> None:
    """After silence a change does not wait, independently of other symbols."""
    timed_tier.send(NOON, price(1))
    timed_tier.note(NOON + WINDOW / 2, price(2, "ETH"))

    assert timed_tier.tier.next_flush(NOON + WINDOW / 2) <= NOON + WINDOW / 2
    assert [2] == timed_tier.flush(NOON + WINDOW / 2)


def test_within_the_window_nothing_more_is_sent(timed_tier: TimedTier) -> None:
    """Further changes wait for the rest of the window, and then the newest is sent."""
    timed_tier.send(NOON, price(1))

    assert [NOON + WINDOW, None, None] == timed_tier.note(NOON + 0.01, price(2), price(3), price(4))
    assert NOON + WINDOW == timed_tier.tier.next_flush(NOON + 0.01)
    assert [] == timed_tier.flush(NOON + WINDOW - 0.01)
    assert [4] == timed_tier.flush(NOON + WINDOW)
    assert 2 == timed_tier.tier.conflated


def test_after_a_silent_window_the_next_is_due_immediately(timed_tier: TimedTier) -> None:
    """A quiet symbol does not wait again, and gets no second one by that."""
    timed_tier.send(NOON, price(1))

    assert [2] == timed_tier.send(NOON + 10, price(2))
    assert [] == timed_tier.send(NOON + 10 + WINDOW / 2, price(3))
    assert [3] == timed_tier.flush(NOON + 10 + WINDOW)


def test_next_send_time_is_known_before_anything_waits(timed_tier: TimedTier) -> None:
    """The first of several symbols counts; a symbol never sent has no time."""
    timed_tier.send(NOON, price(1))
    timed_tier.send(NOON + 0.01, price(2, "ETH"))

    assert NOON + WINDOW == timed_tier.tier.next_send_at(["ETH", "BTC", "SOL"])
    assert math.inf == timed_tier.tier.next_send_at(["SOL"])
    assert math.inf == timed_tier.tier.next_send_at([])


def test_a_symbol_without_subscribers_does_not_wait(timed_tier: TimedTier) -> None:
    """There is nothing to send."""
    assert [None] == timed_tier.note(NOON, price(1, "DOGE"))
    assert math.inf == timed_tier.tier.next_flush(NOON)


def test_flush_now_makes_everything_due(timed_tier: TimedTier) -> None:
    """At the end nothing waits; the order is that of the numbers, as always."""
    timed_tier.send(NOON, price(1))
    timed_tier.note(NOON, price(5), price(4, "ETH"), price(3, "SOL"))
    timed_tier.tier.flush_now()

    assert [3, 4, 5] == timed_tier.flush(NOON)


def test_a_forgotten_symbol_is_not_sent(timed_tier: TimedTier) -> None:
    """Its window is dropped, too: it starts anew if it comes back."""
    timed_tier.send(NOON, price(1))
    timed_tier.note(NOON, price(2), price(3, "ETH"))
    timed_tier.tier.forget("BTC")
    timed_tier.tier.forget("unheard of")

    assert [3] == timed_tier.flush(NOON + WINDOW)
    assert [9] == timed_tier.send(NOON + WINDOW + 0.01, price(9))


# Together


def test_symbols_due_close_together_are_sent_together(timed_tier: TimedTier) -> None:
    """Due times within a quarter of a window of the first make one flush, then stay together."""
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


def test_a_due_symbol_does_not_wait_for_others(timed_tier: TimedTier) -> None:
    """A first change after silence is not delayed for one that is due soon."""
    timed_tier.send(NOON, price(1))
    now = NOON + WINDOW - WINDOW / 8
    timed_tier.note(now, price(2), price(3, "ETH"))

    assert timed_tier.tier.next_flush(now) <= now


# Intervals


def test_a_late_flush_does_not_delay_the_next(timed_tier: TimedTier) -> None:
    """The next interval is counted from the time at which the flush was due."""
    timed_tier.send(NOON, price(1))
    timed_tier.send(NOON + WINDOW + WINDOW / 4, price(2))

    assert NOON + 2 * WINDOW == timed_tier.tier.next_send_at(["BTC"])


def test_a_very_late_flush_restarts_the_interval(timed_tier: TimedTier) -> None:
    """Else two would be sent at almost the same time; others in that flush keep their times."""
    timed_tier.send(NOON, price(1))
    timed_tier.send(NOON + WINDOW / 2, price(2, "ETH"))
    timed_tier.send(NOON + WINDOW * 1.75, price(3), price(4, "ETH"))

    assert NOON + WINDOW * 2.75 == timed_tier.tier.next_send_at(["BTC"])
    assert NOON + WINDOW * 2.5 == timed_tier.tier.next_send_at(["ETH"])


def test_a_source_as_fast_as_the_window_loses_nothing(timed_tier: TimedTier) -> None:
    """With jitter, and every flush a little late, hardly any change is conflated."""
    chance = random.Random(1)
    changes = [
        (NOON + number * WINDOW + chance.uniform(0, 0.1) * WINDOW, price(number + 1))
        for number in range(1000)
    ]
    timed_tier.run(changes, iter(lambda: chance.uniform(0, 0.1) * WINDOW, None))

    assert 990 <= len(timed_tier.times())


@pytest.mark.parametrize("phase", [0.05, 0.3, 0.7, 0.95])
def test_a_source_in_step_with_the_tier_stops_waiting(timed_tier: TimedTier, phase: float) -> None:
    """It changes as often as the tier flushes, a little later: the intervals shift to meet."""
    change_times = [NOON + (number + phase) * WINDOW for number in range(1, 60)]
    changes = [(NOON, price(1)), *((at, price(seq + 2)) for seq, at in enumerate(change_times))]
    timed_tier.run(changes, repeat(0.0))

    waits = [sent - came for sent, (came, _) in zip(timed_tier.times(), changes, strict=True)]
    assert max(waits[-20:]) <= 0.11 * WINDOW


def test_a_faster_source_is_sent_at_the_tiers_rate(timed_tier: TimedTier) -> None:
    """A symbol that changes all the time is sent once a window, not more often."""
    changes = [(NOON + number * WINDOW / 7, price(number + 1)) for number in range(700)]
    timed_tier.run(changes, repeat(0.0))

    assert {WINDOW} == {later - sooner for sooner, later in pairwise(timed_tier.times())}


@pytest.mark.parametrize("faster", [1.01, 1.05, 1.1, 1.2])
def test_a_slightly_faster_source_is_sent_hardly_more_often(
    timed_tier: TimedTier, faster: float
) -> None:
    """The tier may shift into step with it one time, and after that only very little."""
    timed_tier.run([(NOON + n * WINDOW / faster, price(n + 1)) for n in range(1000)], repeat(0.0))
    times = timed_tier.times()

    assert len(times) <= 2 + 1.006 * (times[-1] - times[0]) / WINDOW


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(st.integers(0, 1000), st.floats(0.1, 20.0), st.floats(0.0, 0.45))
def test_any_source_is_sent_within_the_rate_and_to_the_end(
    seed: int, eagerness: float, feed_latency: float
) -> None:
    """No symbol is sent too often, none is starved by others, and the last change arrives."""
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
        # The tier may shift into step with the source, and a flush may be half a window late.
        assert len(times) <= 2 + 1.006 * (times[-1] - times[0]) / WINDOW
        assert all(later - sooner >= 0.4 * WINDOW for sooner, later in pairwise(times))
    assert 200 == len(timed_tier.sent) + timed_tier.tier.conflated


def test_a_fast_symbol_does_not_delay_others(timed_tier: TimedTier) -> None:
    """However often one changes, another is sent within a quarter of a window of its time."""
    fast = [(NOON + number * WINDOW / 50, price(number + 1)) for number in range(2000)]
    slow = [(NOON + number * WINDOW * 1.3, price(5000 + number, "ETH")) for number in range(1, 30)]
    timed_tier.run([*fast, *slow], repeat(0.0))
    came = {quote.seq: at for at, quote in slow}
    waited = [at - came[seq] for at, name, seq in timed_tier.sent if name == "ETH"]

    assert 29 == len(waited)
    assert max(waited) <= WINDOW / 4


# Alike quotes


def test_alike_quotes_wait_for_a_second(price_tier: TimedTier) -> None:
    """The last of them is sent then, as a sign of life; after silence it need not wait."""
    price_tier.send(NOON, price(1))

    assert [NOON + 1] == price_tier.note(NOON + 0.2, price(2))
    assert [None] == price_tier.note(NOON + 0.9, price(3))
    assert [] == price_tier.flush(NOON + 0.99)
    assert [3] == price_tier.flush(NOON + 1)
    assert math.inf == price_tier.tier.next_flush(NOON + 1)
    assert [NOON + 2] == price_tier.note(NOON + 1.5, price(4))
    assert [4] == price_tier.flush(NOON + 2)
    assert [5] == price_tier.send(NOON + 3, price(5))


def test_a_changed_price_is_not_delayed_by_an_alike_quote(price_tier: TimedTier) -> None:
    """It is due at its own time, and replaces the waiting quote."""
    price_tier.send(NOON, price(1))
    price_tier.note(NOON + 0.5, price(2))

    assert [NOON + WINDOW] == price_tier.note(NOON + 0.5, price(3, number="2"))
    assert [3] == price_tier.flush(NOON + 0.5)
    assert math.inf == price_tier.tier.next_flush(NOON + 0.5)


def test_a_price_that_returns_is_sent_in_time(price_tier: TimedTier) -> None:
    """A client that came in between got the other price: all get the change back."""
    price_tier.send(NOON, price(1))
    price_tier.note(NOON + 0.01, price(2, number="2"))
    price_tier.note(NOON + 0.02, price(3, number="1"))

    assert [3] == price_tier.flush(NOON + WINDOW)


def test_unsubscribed_changes_do_not_count_as_sent(price_tier: TimedTier) -> None:
    """A price that changed and returned without subscribers is not alike to the last one sent."""
    price_tier.send(NOON, price(1))
    price_tier.tier.set_symbols(price_tier.viewer, frozenset())
    price_tier.note(NOON + 1, price(2, number="2"))
    price_tier.tier.set_symbols(price_tier.viewer, frozenset({"BTC"}))

    assert [3] == price_tier.send(NOON + 1.5, price(3, number="1"))


# Subscribers


def test_subscribers_with_the_same_symbols_are_one_group(timed_tier: TimedTier) -> None:
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


def test_groups_and_subscribers_of_symbols(timed_tier: TimedTier) -> None:
    """Each group gets its quotes, in order."""
    loner = subscriber()
    timed_tier.tier.set_symbols(loner, frozenset({"ETH"}))
    btc, eth, doge = price(1), price(2, "ETH"), price(3, "DOGE")

    assert {
        timed_tier.viewer.group: [btc, eth],
        loner.group: [eth],
    } == timed_tier.tier.quotes_by_group([btc, eth, doge])
    assert [timed_tier.viewer] == timed_tier.tier.subscribers_of({"BTC", "DOGE"})
    assert {timed_tier.viewer, loner} == set(timed_tier.tier.subscribers_of({"ETH"}))


def test_new_symbols_replace_the_old_ones(timed_tier: TimedTier) -> None:
    """Groups without members are removed, and so are their symbols."""
    timed_tier.tier.set_symbols(timed_tier.viewer, frozenset({"BTC"}))

    assert [] == timed_tier.tier.subscribers_of({"ETH", "SOL"})
    assert [None] == timed_tier.note(NOON, price(1, "ETH"))
    assert 1 == timed_tier.tier.size

    timed_tier.tier.set_symbols(timed_tier.viewer, frozenset())

    assert {} == timed_tier.tier.quotes_by_group([price(2)])
    assert (0, None) == (timed_tier.tier.size, timed_tier.viewer.group)
