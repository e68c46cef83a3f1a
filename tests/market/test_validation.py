"""Long for a reason: each way to be refused has its table of what is and what is not."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.market.source_quote import merge
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.validation import RejectReason, Validator
from tests.market.validated import POLICY, reason
from tests.values import BINANCE, KRAKEN, START, after, book, source_quote, tick, trade

ONE = Decimal(1)


# What cannot be


def test_a_tick_that_says_nothing_is_refused(validator: Validator) -> None:
    """A tick has at least one part."""
    assert RejectReason.EMPTY == reason(validator, tick())


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_no_price_is_zero_negative_or_not_finite(validator: Validator, number: str) -> None:
    """Wherever a price stands, it must be one."""
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
    """What was traded or is offered is an amount."""
    wrong = Decimal(number)

    for part in (
        Trade(ONE, wrong),
        TopOfBook(ONE, ONE, wrong, ONE),
        TopOfBook(ONE, ONE, ONE, wrong),
        DayFigures(volume=wrong),
    ):
        assert RejectReason.NOT_A_PRICE == reason(validator, tick(part))


@pytest.mark.parametrize("change", ["NaN", "Infinity"])
def test_no_change_is_infinite(validator: Validator, change: str) -> None:
    """A change of the day is a number."""
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
def test_the_unusual_is_believed(
    validator: Validator, part: Trade | TopOfBook | DayFigures
) -> None:
    """Nothing traded, a locked book, a day without movement: all of it happens."""
    assert tick(part) == validator.validate(tick(part), None, (), POLICY)


def test_a_crossed_book_is_refused(validator: Validator) -> None:
    """Nobody bids more than another asks."""
    assert RejectReason.CROSSED == reason(validator, tick(book("2", "1")))


def test_a_high_below_the_low_is_refused(validator: Validator) -> None:
    """A day's high is not below its low."""
    assert RejectReason.HIGH_BELOW_LOW == reason(
        validator, tick(DayFigures(high=ONE, low=Decimal(2)))
    )


def test_one_impossible_part_makes_the_whole_tick_doubtful(validator: Validator) -> None:
    """A frame that is wrong in one place is not believed in another."""
    assert RejectReason.CROSSED == reason(validator, tick(trade("1.5"), book("2", "1")))


def test_a_trade_of_tomorrow_is_refused(validator: Validator) -> None:
    """Clocks differ by seconds; a time hours ahead would make everything after it look old."""
    assert reason(validator, tick(trade("100", time=after(2)))) is None
    assert RejectReason.FROM_THE_FUTURE == reason(
        validator, tick(trade("100", time=after(2 * 3600)))
    )


# What is old


@pytest.mark.parametrize(
    ("news", "held"),
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
def test_what_is_not_after_the_held_is_older(
    validator: Validator, news: Trade | TopOfBook | DayFigures, held: Trade | TopOfBook | DayFigures
) -> None:
    """Numbers decide, equal ones are no news; where a number is missing, the time decides."""
    assert RejectReason.OLDER == reason(validator, tick(news, at=after(1)), source_quote(held))


@pytest.mark.parametrize(
    ("news", "held"),
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
def test_what_cannot_be_called_older_is_believed(
    validator: Validator, news: Trade | TopOfBook | DayFigures, held: Trade | TopOfBook | DayFigures
) -> None:
    """Parts of different kinds are not compared, nor what has neither number nor time."""
    assert None is reason(validator, tick(news, at=after(1)), source_quote(held))


def test_a_summary_keeps_what_is_new_of_it(validator: Validator) -> None:
    """A summary whose trade was heard already still brings its book and its day."""
    day = DayFigures(high=Decimal(62000), time=after(1))
    news = tick(trade("61000", 9), book("60999", "61001"), day, at=after(1))
    accepted = validator.validate(news, source_quote(trade("61001", 10)), (), POLICY)

    assert tick(book("60999", "61001"), day, at=after(1)) == accepted
    assert 0 == validator.rejected.total()


def test_numbers_of_another_symbol_or_source_are_not_known(validator: Validator) -> None:
    """Without anything held of the same source, a tick is news."""
    assert None is reason(
        validator, tick(trade("1", 1)), None, source_quote(trade("1", 10), source=KRAKEN)
    )


# Numbers that begin anew


@pytest.mark.parametrize(
    ("held", "news"),
    [(trade("1", 10), trade("1.01", 1)), (book("10", "11", 10), book("10", "11", 1))],
)
@pytest.mark.parametrize(
    ("connection", "seconds", "accepted"),
    [(1, 1, False), (1, 11, False), (2, 10, False), (2, 10.001, True)],
)
def test_a_restart_is_believed_on_a_new_connection_when_nothing_fresh_contradicts(
    validator: Validator,
    held: Trade | TopOfBook,
    news: Trade | TopOfBook,
    connection: int,
    seconds: float,
    accepted: bool,
) -> None:
    """Smaller numbers are an upstream's restart only then, and old news otherwise."""
    later = tick(news, at=after(seconds), connection=connection)

    assert (None if accepted else RejectReason.OLDER) == reason(
        validator, later, source_quote(held)
    )


# What is remembered


def test_refused_ticks_are_counted_and_kept(validator: Validator) -> None:
    """Each refused tick can be looked at, with its reason."""
    wrong = [tick(), tick(trade("-1")), tick(book("2", "1"))]
    for candidate in wrong:
        validator.validate(candidate, None, (), POLICY)
    validator.validate(tick(trade("1")), None, (), POLICY)

    assert {
        RejectReason.EMPTY: 1,
        RejectReason.NOT_A_PRICE: 1,
        RejectReason.CROSSED: 1,
    } == validator.rejected
    assert list(zip(validator.rejected, wrong, strict=True)) == [
        (rejection.reason, rejection.tick) for rejection in validator.quarantine
    ]


def test_old_news_is_counted_only(validator: Validator) -> None:
    """What merely came late would crowd out what is worth a look."""
    validator.validate(tick(trade("1", 1)), source_quote(trade("1", 1)), (), POLICY)

    assert {RejectReason.OLDER: 1} == validator.rejected
    assert not validator.quarantine


def test_what_is_kept_has_a_bound(validator: Validator) -> None:
    """A mad upstream fills no memory: the latest refusals are kept, all are counted."""
    for number in range(1000):
        validator.validate(tick(trade("-1", number)), None, (), POLICY)

    assert 1000 == validator.rejected[RejectReason.NOT_A_PRICE]
    assert 200 == len(validator.quarantine)
    assert 999 == validator.quarantine[-1].tick.trade.id


# Whatever the order

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
    """In whatever order frames come in, the held trade, book and provider time only go on."""
    validator, held = Validator(), None
    for offered in ticks:
        accepted = validator.validate(offered, held, (), POLICY)
        if accepted is None:
            continue
        before, held = held, merge(accepted, held)
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
def test_every_tick_is_either_believed_or_counted(ticks: list[Tick]) -> None:
    """No tick is lost without a trace."""
    validator, held, accepted = Validator(), None, 0
    for offered in ticks:
        news = validator.validate(offered, held, (), POLICY)
        if news is not None:
            accepted += 1
            held = merge(news, held)

    assert len(ticks) == accepted + validator.rejected.total()
    assert held is None or BINANCE is held.source
