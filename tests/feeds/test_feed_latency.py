"""Late ticks are distinguished from prompt ones, and both from differences of clocks.

Long for a reason: each way in which clocks differ has its test.
"""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from omcrm.market.tick import ON_TIME, DayFigures, Tick, TopOfBook
from omcrm.market.trade_condition import NOT_LAST
from tests.feeds.virtual_feed import Connection, VirtualClock
from tests.values import BINANCE, after, trade


@pytest.fixture
def new() -> Connection:
    """No tick was measured yet."""
    return Connection()


@pytest.fixture
def usual() -> Connection:
    """Ticks took 0.1 s so far, until second 10."""
    return Connection().warm_up()


# Single ticks


def test_a_tick_on_time_stays_as_it_is(usual: Connection) -> None:
    """Nothing is noted at it."""
    tick = Tick("BTC", BINANCE, after(10), 1, trade("1", time=after(9.9)))

    assert tick.dated(usual.feed_latency.measure(tick.stamp, 10.0)) is tick


@pytest.mark.parametrize(
    ("transit", "late"), [(0.1, 0), (1.0, 0), (1.2, 1.1), (12.1, 12), (-1.5, 0), (-2.5, -2.6)]
)
def test_a_second_more_than_usual_is_jitter(usual: Connection, transit: float, late: float) -> None:
    """What is later counts in full; two seconds before the usual transit is the future."""
    assert late == pytest.approx(usual.latency(10, transit), abs=0.01)


@pytest.mark.parametrize(("transit", "late"), [(0, 0), (1.4, 0), (1.6, 1.1), (60, 59.5)])
def test_a_first_tick_may_be_late(new: Connection, transit: float, late: float) -> None:
    """A clock that is behind cannot be told from latency: only a network's transit is allowed."""
    assert late == new.latency(0, transit)


@pytest.mark.parametrize("transit", [-60, -2.5, 2.5, 60, 3000])
def test_one_tick_ahead_or_behind_changes_nothing(usual: Connection, transit: float) -> None:
    """Neither the ticks after it nor those that have no time are early or late."""
    usual.receive(10, transit, "ETH")
    later = [usual.latency(10.1 + number / 10, 0.1) for number in range(100)]
    without = usual.latency(20.2, None)

    assert ({0.0}, 0.0) == (set(later), without)
    assert not usual.feed_latency.is_lasting(20.2)


def test_one_tick_ahead_in_every_ten_changes_nothing(usual: Connection) -> None:
    """However long: an upstream may have one symbol with wrong times."""
    late = [usual.latency(10 + n / 10, -30 if n % 10 == 0 else 0.1) for n in range(3000)]

    assert {-30, 0} == {round(latency) for latency in late}


# Ticks without a time


def test_without_a_time_nothing_is_late_at_first(new: Connection) -> None:
    """A tick without a time counts as on time before anything is measured."""
    assert 0 == new.latency(0, None)


def test_without_a_time_a_tick_has_the_latency_of_the_one_before(usual: Connection) -> None:
    """A book has the latency of the trade before it, and the next book that of the next trade."""
    usual.receive(30, 20.1)
    late = usual.latency(30.1, None)
    usual.receive(31, 0.1)

    assert 20 == pytest.approx(late, abs=0.02)
    assert 0 == usual.latency(31.1, None)


def test_a_trade_that_is_older_than_the_one_before_is_late_alone(usual: Connection) -> None:
    """An old trade that is sent again does not make the books after it late."""
    old = usual.latency(10, 20)

    assert 19.9 == pytest.approx(old, abs=0.02)
    assert 0 == usual.latency(10.1, None)


def test_a_tick_from_the_future_does_not_show_that_others_are_on_time(usual: Connection) -> None:
    """Its time is wrong, so that it measures nothing."""
    usual.receive(18, -30)

    assert 8.2 == pytest.approx(usual.latency(18.1, None), abs=0.02)


def test_after_a_gap_a_tick_without_a_time_counts_as_old_as_the_gap(usual: Connection) -> None:
    """Without times since, a book may be as old as the gap."""
    soon, later = usual.latency(13.9, None), usual.latency(23.9, None)

    assert (0, 14) == (soon, later)


def test_a_connection_that_never_brings_a_time_measures_nothing(new: Connection) -> None:
    """After five seconds its ticks may be as old as the connection."""
    late = [new.latency(at, None) for at in (0, 4, 6)]

    assert [0, 0, 6] == late


@pytest.mark.parametrize("part", ["trade", "book", "day"])
def test_the_time_may_be_of_any_part(usual: Connection, part: str) -> None:
    """That of the trade, else of the book, else of the day figures."""
    times = {name: after(5) if name == part else None for name in ("trade", "book", "day")}
    parts = {
        "trade": trade("1", time=times["trade"]),
        "book": TopOfBook(Decimal(1), Decimal(2), time=times["book"]),
        "day": DayFigures(time=times["day"]),
    }
    tick = usual.receive(15, None, **parts)

    assert 9.9 == pytest.approx(tick.late.total_seconds(), abs=0.02)


def test_a_late_report_measures_nothing(usual: Connection) -> None:
    """A trade that does not set the last price may be reported long after it was made."""
    report = structs.replace(trade("1", time=after(-50)), updates=NOT_LAST)
    tick = usual.receive(10, None, trade=report)

    assert (ON_TIME, 0) == (tick.late, usual.latency(10.1, None))


# Times of another day


@pytest.mark.parametrize("transit", [3601, -3601, 86_400 * 365])
def test_times_of_another_day_are_not_measured(new: Connection, transit: float) -> None:
    """They say how late their own tick is, and are no baseline for later ones."""
    of_another_day = new.latency(0, transit)

    assert (transit, 11.5) == (of_another_day, new.latency(1, 12))


def test_an_old_trade_among_new_ones_is_late(usual: Connection) -> None:
    """The last trade of an illiquid symbol is no recording while other ticks have present times."""
    assert (7200, -7200) == (usual.latency(10, 7200), usual.latency(10, -7200))
    assert 0 == usual.latency(11, 0.1)


# Clocks that are off


@pytest.mark.parametrize("ahead", [1.3, 4, 30, 600])
def test_an_upstream_clock_that_is_ahead_hides_nothing(ahead: float) -> None:
    """After a second its usual transit is known, and what takes longer is late."""
    connection = Connection().warm_up(0.1 - ahead)
    on_time = connection.latency(10, 0.1 - ahead)

    assert (0, 9) == (on_time, pytest.approx(connection.latency(11, 9.1 - ahead), abs=0.02))


def test_an_upstream_clock_that_is_behind_counts_as_latency() -> None:
    """From the very start it cannot be told from latency; but the connection has not grown late."""
    connection = Connection().warm_up(4.1)

    assert 3.6 == connection.latency(10, 4.1)
    assert not connection.feed_latency.is_lasting(10)


@pytest.mark.parametrize("step", [-30, -5, 5, 30, 600])
def test_a_step_of_this_machines_clock_is_taken_off_at_once(usual: Connection, step: float) -> None:
    """The first tick after it is on time, and one that is late is late."""
    usual.clock.ahead = step
    on_time = usual.latency(10, 0.1 + step)

    assert (0, 9) == (on_time, pytest.approx(usual.latency(10.1, 9.1 + step), abs=0.02))


def test_a_clock_that_is_set_right_was_wrong_before() -> None:
    """What its times said before it was set back is no latency any more."""
    connection = Connection(clock=VirtualClock(ahead=5)).warm_up(5.1)
    before = connection.latency(10, 5.1)
    connection.clock.ahead = 0

    assert (4.6, 0) == (before, connection.latency(10.1, 0.1))


def test_an_upstream_clock_that_is_set_back_is_recognised(usual: Connection) -> None:
    """Its times go back, in many ticks, for more than a second: then none is late any more."""
    late = [usual.latency(10 + number / 10, 5.1) for number in range(30)]

    assert [5] * 10 == pytest.approx(late[:10], abs=0.02)
    assert {0} == set(late[12:])
    assert 9 == pytest.approx(usual.latency(13, 14.1), abs=0.02)


@pytest.mark.parametrize("rate", [5, 10, 50])
@pytest.mark.parametrize("seed", range(8))
def test_a_clock_that_is_set_back_is_recognised_by_a_process_that_stalls(
    usual: Connection, seed: int, rate: int
) -> None:
    """Ticks that wait arrive at once, and seem older: that ends no connection."""
    rng, stall, lasting = random.Random(seed), (0.0, 0.0), False
    late = []
    for number in range(30 * rate):
        sent = 10 + number / rate
        if sent > stall[1] + 0.2 and 11.5 < sent < 22:
            begins = sent + rng.uniform(0.0, 1.0)
            stall = begins, begins + rng.uniform(0.5, 4.5)
        arrives = stall[1] if stall[0] <= sent + 0.1 < stall[1] else sent + 0.1
        step = 60.0 if sent >= 12 else 0.0
        late.append(usual.latency(arrives, arrives - sent + step, "BTC" if number % 2 else "ETH"))
        lasting = lasting or (late[-1] > 0 and usual.feed_latency.is_lasting(usual.clock.now))

    assert not lasting
    assert {0} == set(late[-5 * rate :])


def test_an_upstream_clock_that_is_set_forward_is_recognised(usual: Connection) -> None:
    """Its ticks are from the future for a second; then they are usual, and others late."""
    ahead = [usual.latency(10 + number / 10, -4.9) for number in range(30)]

    assert {-5} == {round(late) for late in ahead[:10]}
    assert {0} == set(ahead[12:])
    assert 9 == pytest.approx(usual.latency(13, 4.1), abs=0.02)


def test_a_clock_that_is_ahead_for_a_moment_is_recognised(usual: Connection) -> None:
    """As soon as its ticks are usual, it is set back."""
    for number in range(11):
        usual.receive(10 + number / 10, -39.9)
    for number in range(20):
        usual.receive(11.1 + number / 10, 0.1)

    assert 0 == usual.latency(13.1, 0.1)


def test_a_clock_that_was_set_back_between_two_connections_is_recognised() -> None:
    """Its times are right for a minute: no delay equals what it was ahead by."""
    ahead = Connection().warm_up(-39.9)
    right = Connection(ahead.source_clock, ahead.clock)
    late = [right.latency(11 + number / 10, 0.1) for number in range(700)]

    assert [40] * 500 == [round(latency) for latency in late[20:520]]
    assert {0} == set(late[650:])


def test_a_repetition_does_not_look_like_a_clock_that_is_set_back(usual: Connection) -> None:
    """Old ticks that come again in any order are late, even where some are so by about the same."""
    for at, transit in ((11.9, 7.9), (12.4, 7.8), (14.0, 7.1), (14.1, 8.5), (15.5, 7.6)):
        usual.latency(at, transit)

    assert 7.8 == pytest.approx(usual.latency(16.0, 7.9), abs=0.01)


def test_a_delay_does_not_look_like_a_clock_that_is_set_back(usual: Connection) -> None:
    """Its ticks come in order: as late as the gap before them, and so they stay."""
    late = [usual.latency(30 + number / 10, 20.1) for number in range(100)]

    assert {20} == {round(latency) for latency in late}


def test_a_late_stream_behind_a_prompt_snapshot_is_late() -> None:
    """The answers to the subscriptions are of now: the clock was not set back after them."""
    connection, symbols = Connection(), ("BTC", "ETH", "SOL", "XRP")
    for number, symbol in enumerate(symbols):
        now = number / 100
        connection.receive(now, 0.1, symbol)
        moment = connection.clock.wall()
        connection.receive(now, None, symbol, book=TopOfBook(Decimal(1), Decimal(2), time=moment))
        connection.receive(now, None, symbol, day=DayFigures(time=moment))
    late = [connection.latency(1 + number / 10, 20.1, symbols[number % 4]) for number in range(100)]

    assert {20} == {round(latency) for latency in late}


def test_an_upstream_that_lags_with_some_symbols_is_late_with_them(usual: Connection) -> None:
    """Also while no other symbol trades: their own times never went back."""
    late = [usual.latency(10 + number / 10, 20.1, "ETH") for number in range(100)]

    assert {20} == {round(latency) for latency in late}


def test_a_clock_that_is_slewed_is_followed(usual: Connection) -> None:
    """Four seconds in three hours make nothing late."""
    late = {usual.latency(10 + second, 0.1 + second * 0.0004) for second in range(10_000)}

    assert {0} < late
    assert max(late) <= 4
    assert 0 == usual.latency(10_010, 0.4)


# Symbols that are late alone


def test_a_symbol_that_is_late_alone_makes_its_ticks_without_a_time_late(usual: Connection) -> None:
    """Its book belongs to its trades, and those of other symbols do not to them."""
    late, other = [], []
    for number in range(200):
        at = 10 + number / 10
        usual.receive(at, 0.1)
        usual.receive(at + 0.02, 50.1 if number > 10 else 0.1, "ETH")
        late.append(usual.latency(at + 0.04, None, "ETH"))
        other.append(usual.latency(at + 0.06, None))

    assert {50} == {round(latency) for latency in late[13:]}
    assert {0} == set(late[:11]) | set(other)


@pytest.mark.parametrize("every", [1, 7])
def test_a_symbol_that_is_late_alone_is_no_clock_set_back(usual: Connection, every: int) -> None:
    """However many ticks it has between those of the others, and it ends no connection."""
    for number in range(100):
        usual.receive(10 + number / 10, 0.1, "ETH")
    late, lasting = [], False
    for number in range(2000):
        at = 20 + number / 20
        late.append(usual.latency(at, 30.1, "ETH"))
        lasting = lasting or usual.feed_latency.is_lasting(at)
        if number % every == 0:
            assert 0 == usual.latency(at + 0.01, 0.1)

    assert {30} == {round(latency) for latency in late}
    assert not lasting


def test_a_symbol_is_late_alone_for_a_minute(usual: Connection) -> None:
    """Or until one of its trades is on time: then its books say how it is."""
    for number in range(5):
        usual.receive(10 + number / 10, 0.1, "ETH")
    for number in range(5):
        usual.receive(11 + number / 10, 8.1, "ETH")
    late = []
    for at in (12, 71, 72):
        usual.receive(at, 0.1)
        late.append(round(usual.latency(at, None, "ETH")))

    assert [8, 8, 0] == late


# Repetitions


def replayed(connection: Connection, *, has_ids: bool, behind: float, again: bool) -> set[int]:
    """How late ticks are from second 45 on that are `behind`, those of before again or new ones."""
    late = set()
    for number in range(600):
        second = number / 10
        sent = second - (behind if second >= 40 else 0)
        parts = round(sent * 10) if again else number
        item = trade(
            str(100 + parts % 7), trade_id=1000 + parts if has_ids else None, time=after(sent)
        )
        for symbol in ("BTC", "ETH"):
            tick = connection.receive(second + 0.1, None, symbol, trade=item)
            if second > 45:
                late.add(round(tick.late.total_seconds()))
    return late


@pytest.mark.parametrize("has_ids", [True, False])
def test_a_repetition_of_all_ticks_is_no_clock_set_back(new: Connection, *, has_ids: bool) -> None:
    """An upstream that goes on half a minute behind sends what it has sent."""
    assert {30} == replayed(new, has_ids=has_ids, behind=30, again=True)


@pytest.mark.parametrize("has_ids", [True, False])
def test_new_ticks_of_a_clock_that_is_set_back_are_on_time(
    new: Connection, *, has_ids: bool
) -> None:
    """Their times went back, but they are not those of before."""
    assert {0} == replayed(new, has_ids=has_ids, behind=30.037, again=False)


# Where the upstream's clock is


@pytest.mark.parametrize("transit", [0.1, -3.9, 4.1])
def test_the_offset_is_the_usual_transit(transit: float) -> None:
    """By both clocks as they are."""
    connection = Connection().warm_up(transit)

    assert transit == pytest.approx(connection.feed_latency.offset(10), abs=0.01)


def test_the_offset_includes_the_steps_of_both_clocks(usual: Connection) -> None:
    """This machine's clock was set forward by 5 s, the upstream's back by 4 s."""
    usual.clock.ahead = 5
    for number in range(30):
        usual.receive(10 + number / 10, 9.1)

    assert 9.1 == pytest.approx(usual.feed_latency.offset(13), abs=0.02)


def test_the_offset_is_unknown_at_first(new: Connection) -> None:
    """A few ticks do not tell."""
    new.receive(0, 4)

    assert new.feed_latency.offset(0) is None


# Any order of anything


@given(st.lists(st.tuples(st.floats(0, 20), st.one_of(st.none(), st.floats(-7200, 7200)))))
def test_latency_is_never_more_than_the_age(ticks: list[tuple[float, float | None]]) -> None:
    """Whatever the times are, by the machine's clock and the gap before."""
    connection, at = Connection(), 0.0
    for gap, transit in ticks:
        at += gap
        tick = connection.receive(at, transit)

        assert ON_TIME <= tick.late <= timedelta(seconds=max(transit or 0, 0, at) + 7200)
        assert ON_TIME in (tick.late, tick.ahead)
