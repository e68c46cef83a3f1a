"""Validation of single ticks: impossible and older ones are rejected.

Long for a reason: each reject reason has its table of rejected and accepted ticks.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.validation import RejectReason, Validator
from tests.market.validated import POLICY, reason
from tests.values import BINANCE, KRAKEN, START, after, book, source_quote, tick, trade

ONE = Decimal(1)


# Impossible ticks


def test_an_empty_tick_is_rejected(validator: Validator) -> None:
    """A tick without a trade, book or day is rejected."""
    assert RejectReason.EMPTY == reason(validator, tick())


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_no_price_is_zero_negative_or_not_finite(validator: Validator, number: str) -> None:
    """A price in any part that is zero, negative or not finite is rejected."""
    wrong = Decimal(number)

    for part in (
        Trade(wrong),
        TopOfBook(wrong, ONE),
        TopOfBook(ONE, wrong),
        DayFigures(open=wrong),
        DayFigures(high=wrong),
        DayFigures(low=wrong),
    ):
        assert RejectReason.NOT_A_PRICE == reason(validator, tick(part))


@pytest.mark.parametrize("number", ["-1", "NaN", "Infinity"])
def test_no_size_is_negative_or_not_finite(validator: Validator, number: str) -> None:
    """A size or volume that is negative or not finite is rejected."""
    wrong = Decimal(number)

    for part in (
        Trade(ONE, wrong),
        TopOfBook(ONE, ONE, wrong, ONE),
        TopOfBook(ONE, ONE, ONE, wrong),
        DayFigures(volume=wrong),
    ):
        assert RejectReason.NOT_A_PRICE == reason(validator, tick(part))


@pytest.mark.parametrize("change", ["NaN", "Infinity"])
def test_no_change_is_not_finite(validator: Validator, change: str) -> None:
    """A day change that is not finite is rejected."""
    assert RejectReason.NOT_A_PRICE == reason(
        validator, tick(DayFigures(change_percent=Decimal(change)))
    )


@pytest.mark.parametrize(
    "part",
    [
        Trade(ONE, Decimal(0)),
        TopOfBook(ONE, ONE),
        TopOfBook(ONE, ONE, Decimal(0), Decimal(0)),
        DayFigures(high=ONE, low=ONE),
        DayFigures(volume=Decimal(0), change_percent=Decimal(-99)),
        DayFigures(high=ONE),
        DayFigures(low=ONE),
    ],
)
def test_unusual_ticks_are_accepted(
    validator: Validator, part: Trade | TopOfBook | DayFigures
) -> None:
    """A trade of size zero, a locked book and a day without movement are accepted."""
    assert tick(part) == validator.validate(tick(part), None, (), POLICY)


def test_a_crossed_book_is_rejected(validator: Validator) -> None:
    """A book whose bid is above its ask is rejected."""
    assert RejectReason.CROSSED == reason(validator, tick(book("2", "1")))


def test_a_high_below_the_low_is_rejected(validator: Validator) -> None:
    """Day figures whose high is below the low are rejected."""
    assert RejectReason.HIGH_BELOW_LOW == reason(
        validator, tick(DayFigures(high=ONE, low=Decimal(2)))
    )


def test_a_crossed_book_rejects_the_whole_tick(validator: Validator) -> None:
    """A plausible trade beside a crossed book is rejected with it."""
    assert RejectReason.CROSSED == reason(validator, tick(trade("1.5"), book("2", "1")))


def test_a_trade_from_the_future_is_rejected(validator: Validator) -> None:
    """A trade seconds ahead of the clock is accepted, one hours ahead is rejected."""
    assert reason(validator, tick(trade("100", time=after(2)))) is None
    assert RejectReason.FROM_THE_FUTURE == reason(
        validator, tick(trade("100", time=after(2 * 3600)))
    )


# Older ticks


@pytest.mark.parametrize(
    ("new_part", "held"),
    [
        (trade("2", 9), trade("1", 10)),
        (trade("2", 10), trade("1", 10)),
        (trade("2", 9, time=after(5)), trade("1", 10, time=after(1))),
        (trade("2", time=START), trade("1", time=after(1))),
        (trade("2", 9, time=START), trade("1", time=after(1))),
        (book("10", "11", 9), book("10.1", "11.1", 10)),
        (book("10", "11", 10), book("10.1", "11.1", 10)),
        (DayFigures(time=START), DayFigures(time=after(1))),
    ],
)
def test_a_part_not_newer_than_the_held_one_is_older(
    validator: Validator,
    new_part: Trade | TopOfBook | DayFigures,
    held: Trade | TopOfBook | DayFigures,
) -> None:
    """The ids decide, and equal ones are older; where an id is missing, the times decide."""
    assert RejectReason.OLDER == reason(validator, tick(new_part, at=after(1)), source_quote(held))


@pytest.mark.parametrize(
    ("new_part", "held"),
    [
        (trade("1", 11), trade("1", 10)),
        (trade("1", 11, time=START), trade("1", 10, time=after(1))),
        (trade("1", time=after(1)), trade("1", time=after(1))),
        (trade("1"), trade("1")),
        (trade("1", 9), trade("1")),
        (book("10", "11", 11), book("10", "11", 10)),
        (book("10", "11"), book("10", "11", 10)),
        (DayFigures(time=START), DayFigures(time=START)),
        (DayFigures(), DayFigures(time=after(1))),
        (book("1.49", "1.51", 1), trade("1.5", 10)),
    ],
)
def test_a_part_that_cannot_be_compared_is_accepted(
    validator: Validator,
    new_part: Trade | TopOfBook | DayFigures,
    held: Trade | TopOfBook | DayFigures,
) -> None:
    """Newer parts, parts of different kinds and parts without id and time are accepted."""
    assert None is reason(validator, tick(new_part, at=after(1)), source_quote(held))


def test_an_old_trade_is_removed_from_a_summary(validator: Validator) -> None:
    """A summary with an old trade is accepted with its book and its day figures only."""
    day = DayFigures(high=Decimal(62000), time=after(1))
    summary = tick(trade("61000", 9), book("60999", "61001"), day, at=after(1))
    accepted = validator.validate(summary, source_quote(trade("61001", 10)), (), POLICY)

    assert tick(book("60999", "61001"), day, at=after(1)) == accepted
    assert 0 == validator.rejected.total()


def test_ids_of_another_source_are_not_compared(validator: Validator) -> None:
    """A tick is accepted where only another source has a trade with a higher id."""
    assert None is reason(
        validator, tick(trade("1", 1)), None, source_quote(trade("1", 10), source=KRAKEN)
    )


# Restarted ids


@pytest.mark.parametrize(
    ("held", "new_part"),
    [(trade("1", 10), trade("1.01", 1)), (book("10", "11", 10), book("10", "11", 1))],
)
@pytest.mark.parametrize(
    ("connection", "seconds", "accepted"),
    [(1, 1, False), (1, 11, False), (2, 10, False), (2, 10.001, True)],
)
def test_restarted_ids_are_accepted_on_a_new_connection_after_the_maximum_age(
    validator: Validator,
    held: Trade | TopOfBook,
    new_part: Trade | TopOfBook,
    connection: int,
    seconds: float,
    accepted: bool,
) -> None:
    """Lower ids are accepted on a new connection once the held part exceeds the maximum age."""
    later = tick(new_part, at=after(seconds), connection=connection)

    assert (None if accepted else RejectReason.OLDER) == reason(
        validator, later, source_quote(held)
    )


# Counters and quarantine


def test_rejected_ticks_are_counted_and_quarantined(validator: Validator) -> None:
    """Each rejected tick is counted by reason and is in quarantine."""
    impossible = [tick(), tick(trade("-1")), tick(book("2", "1"))]
    for impossible_tick in impossible:
        validator.validate(impossible_tick, None, (), POLICY)
    validator.validate(tick(trade("1")), None, (), POLICY)

    assert {
        RejectReason.EMPTY: 1,
        RejectReason.NOT_A_PRICE: 1,
        RejectReason.CROSSED: 1,
    } == validator.rejected
    assert list(zip(validator.rejected, impossible, strict=True)) == [
        (rejected.reason, rejected.tick) for rejected in validator.quarantine
    ]


def test_older_ticks_are_counted_but_not_quarantined(validator: Validator) -> None:
    """A tick that is only older is not kept in quarantine."""
    validator.validate(tick(trade("1", 1)), source_quote(trade("1", 1)), (), POLICY)

    assert {RejectReason.OLDER: 1} == validator.rejected
    assert not validator.quarantine


def test_the_quarantine_is_bounded(validator: Validator) -> None:
    """The quarantine holds the last rejected ticks, while all of them are counted."""
    for number in range(1000):
        validator.validate(tick(trade("-1", number)), None, (), POLICY)

    assert 1000 == validator.rejected[RejectReason.NOT_A_PRICE]
    assert 200 == len(validator.quarantine)
    assert 999 == validator.quarantine[-1].tick.trade.id


# Any order of ticks

_numbers = st.integers(0, 30)
_times = st.none() | st.integers(-60, 60).map(after)
_prices = st.integers(95, 105).map(Decimal)
_trades = st.builds(Trade, _prices, st.none(), _numbers, _times)
_books = st.builds(lambda bid, number: TopOfBook(bid, bid + 1, id=number), _prices, _numbers)
_days = st.builds(lambda time: DayFigures(time=time), _times)
_ticks = st.builds(
    lambda parts, second: tick(*(part for part in parts if part), at=after(second)),
    st.tuples(st.none() | _trades, st.none() | _books, st.none() | _days),
    st.integers(0, 60),
)


@settings(deadline=None, derandomize=True, database=None, max_examples=150)
@given(st.lists(_ticks, max_size=40))
def test_nothing_goes_back_within_one_connection(ticks: list[Tick]) -> None:
    """In whatever order ticks arrive, held trade id, book id and provider time never decrease."""
    validator, held = Validator(), None
    for new_tick in ticks:
        accepted = validator.validate(new_tick, held, (), POLICY)
        if accepted is None:
            continue
        before, held = held, SourceQuote.merge(accepted, held)
        if before is None:
            continue
        if before.trade:
            assert before.trade.id <= held.trade.id
        if before.book:
            assert before.book.id <= held.book.id
        if before.trade and before.trade.time and held.trade.time:
            assert before.trade.time <= held.trade.time


@settings(deadline=None, derandomize=True, database=None, max_examples=100)
@given(st.lists(_ticks, max_size=40))
def test_every_tick_is_accepted_or_counted_as_rejected(ticks: list[Tick]) -> None:
    """Accepted and rejected ticks add up to all ticks."""
    validator, held, accepted_count = Validator(), None, 0
    for new_tick in ticks:
        accepted = validator.validate(new_tick, held, (), POLICY)
        if accepted is not None:
            accepted_count += 1
            held = SourceQuote.merge(accepted, held)

    assert len(ticks) == accepted_count + validator.rejected.total()
    assert held is None or BINANCE is held.source


# Sources whose clock was wrong


@pytest.mark.parametrize("seconds", [61, 600, 3599])
def test_a_time_ahead_of_the_clock_is_rejected(validator: Validator, seconds: float) -> None:
    """A minute is within what clocks differ; more would make later trades look old."""
    for part in (trade("100", time=after(seconds)), DayFigures(time=after(seconds))):
        assert RejectReason.FROM_THE_FUTURE == reason(validator, tick(part))
    assert None is reason(validator, tick(trade("100", time=after(60))))


def test_a_time_ahead_of_its_source_is_rejected(validator: Validator) -> None:
    """The feed's latency knows by how much the source's own clock is off."""
    ahead = structs.replace(tick(trade("100")), ahead=timedelta(seconds=3))

    assert RejectReason.FROM_THE_FUTURE == reason(validator, ahead)


def older(validator: Validator, seconds: range, held: SourceQuote, step: float) -> list[bool]:
    """Which trades are accepted whose times are an hour behind the held one's."""
    return [
        validator.validate(
            tick(trade("100", time=after(second * step - 3600)), at=after(second)),
            held,
            (),
            POLICY,
        )
        is not None
        for second in seconds
    ]


def test_a_source_whose_times_went_back_begins_anew(validator: Validator) -> None:
    """Five older trades in a row are a new stream, once the held one is too old to contradict."""
    held = source_quote(trade("100", time=after(0)))

    assert [False] * 10 + [True] == older(validator, range(1, 12), held, 1)


def test_late_trades_do_not_begin_anew(validator: Validator) -> None:
    """A replica that is far behind sends what was passed."""
    held = source_quote(trade("100", 9, time=after(30)))
    accepted = []
    for second in range(60):
        item = tick(trade("90", second, time=after(second)), at=after(30 + second))
        late = structs.replace(item, late=timedelta(seconds=30))
        accepted.append(validator.validate(late, held, (), POLICY) is not None)

    assert [False] * 10 + [True] * 50 == accepted


def test_older_trades_that_repeat_do_not_begin_anew(validator: Validator) -> None:
    """Times that go back again are those of a repetition."""
    held = source_quote(trade("100", time=after(0)))

    assert not any(older(validator, range(11, 60), held, -1))


def test_many_older_trades_in_a_row_are_kept(validator: Validator) -> None:
    """The first five are usual after a reconnection; the sixth is in quarantine."""
    held = source_quote(trade("100", time=after(0)))
    older(validator, range(1, 6), held, 1)
    before = len(validator.quarantine)
    older(validator, range(6, 8), held, 1)

    assert 0 == before
    assert [RejectReason.OLDER] * 2 == [rejected.reason for rejected in validator.take_rejected()]
    assert {RejectReason.OLDER: 7} == validator.rejected
