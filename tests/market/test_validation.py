"""Long for a reason: each way to be refused has its table of what is and what is not."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omcrm.market.gate import Gate, Reason
from omcrm.market.quote import merge
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from tests.market.judged import POLICY, reason
from tests.values import BINANCE, KRAKEN, START, after, book, statement, tick, trade

ONE = Decimal(1)


# What cannot be


def test_a_tick_that_says_nothing_is_refused(gate: Gate) -> None:
    """A tick has at least one part."""
    assert Reason.EMPTY == reason(gate, tick())


@pytest.mark.parametrize("number", ["0", "-1", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_no_price_is_zero_negative_or_not_finite(gate: Gate, number: str) -> None:
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
        assert Reason.NOT_A_PRICE == reason(gate, tick(part))


@pytest.mark.parametrize("number", ["-1", "NaN", "Infinity"])
def test_no_size_is_negative_or_not_finite(gate: Gate, number: str) -> None:
    """What was traded or is offered is an amount."""
    wrong = Decimal(number)

    for part in (
        Trade(ONE, wrong),
        TopOfBook(ONE, ONE, wrong, ONE),
        TopOfBook(ONE, ONE, ONE, wrong),
        DayFigures(volume=wrong),
    ):
        assert Reason.NOT_A_PRICE == reason(gate, tick(part))


@pytest.mark.parametrize("change", ["NaN", "Infinity"])
def test_no_change_is_infinite(gate: Gate, change: str) -> None:
    """A change of the day is a number."""
    assert Reason.NOT_A_PRICE == reason(gate, tick(DayFigures(change_percent=Decimal(change))))


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
def test_the_unusual_is_believed(gate: Gate, part: Trade | TopOfBook | DayFigures) -> None:
    """Nothing traded, a locked book, a day without movement: all of it happens."""
    assert tick(part) == gate.judge(tick(part), None, (), POLICY)


def test_a_crossed_book_is_refused(gate: Gate) -> None:
    """Nobody bids more than another asks."""
    assert Reason.CROSSED == reason(gate, tick(book("2", "1")))


def test_a_high_below_the_low_is_refused(gate: Gate) -> None:
    """A day's high is not below its low."""
    assert Reason.HIGH_BELOW_LOW == reason(gate, tick(DayFigures(high=ONE, low=Decimal(2))))


def test_one_impossible_part_makes_the_whole_tick_doubtful(gate: Gate) -> None:
    """A frame that is wrong in one place is not believed in another."""
    assert Reason.CROSSED == reason(gate, tick(trade("1.5"), book("2", "1")))


def test_a_trade_of_tomorrow_is_refused(gate: Gate) -> None:
    """Clocks differ by seconds; a time hours ahead would make everything after it look old."""
    assert reason(gate, tick(trade("100", time=after(2)))) is None
    assert Reason.FROM_THE_FUTURE == reason(gate, tick(trade("100", time=after(2 * 3600))))


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
    gate: Gate, news: Trade | TopOfBook | DayFigures, held: Trade | TopOfBook | DayFigures
) -> None:
    """Numbers decide, equal ones are no news; where a number is missing, the time decides."""
    assert Reason.OLDER == reason(gate, tick(news, at=after(1)), statement(held))


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
    gate: Gate, news: Trade | TopOfBook | DayFigures, held: Trade | TopOfBook | DayFigures
) -> None:
    """Parts of different kinds are not compared, nor what has neither number nor time."""
    assert None is reason(gate, tick(news, at=after(1)), statement(held))


def test_a_summary_keeps_what_is_new_of_it(gate: Gate) -> None:
    """A summary whose trade was heard already still brings its book and its day."""
    day = DayFigures(high=Decimal(62000), time=after(1))
    news = tick(trade("61000", 9), book("60999", "61001"), day, at=after(1))
    believed = gate.judge(news, statement(trade("61001", 10)), (), POLICY)

    assert tick(book("60999", "61001"), day, at=after(1)) == believed
    assert 0 == gate.refused.total()


def test_numbers_of_another_symbol_or_source_are_not_known(gate: Gate) -> None:
    """Without anything held of the same source, a tick is news."""
    assert None is reason(gate, tick(trade("1", 1)), None, statement(trade("1", 10), source=KRAKEN))


# Numbers that begin anew


@pytest.mark.parametrize(
    ("held", "news"),
    [(trade("1", 10), trade("1.01", 1)), (book("10", "11", 10), book("10", "11", 1))],
)
@pytest.mark.parametrize(
    ("connection", "seconds", "believed"),
    [(1, 1, False), (1, 11, False), (2, 10, False), (2, 10.001, True)],
)
def test_a_restart_is_believed_on_a_new_connection_when_nothing_fresh_contradicts(
    gate: Gate,
    held: Trade | TopOfBook,
    news: Trade | TopOfBook,
    connection: int,
    seconds: float,
    believed: bool,
) -> None:
    """Smaller numbers are an upstream's restart only then, and old news otherwise."""
    later = tick(news, at=after(seconds), connection=connection)

    assert (None if believed else Reason.OLDER) == reason(gate, later, statement(held))


# What is remembered


def test_refused_ticks_are_counted_and_kept(gate: Gate) -> None:
    """Each refused tick can be looked at, with its reason."""
    wrong = [tick(), tick(trade("-1")), tick(book("2", "1"))]
    for candidate in wrong:
        gate.judge(candidate, None, (), POLICY)
    gate.judge(tick(trade("1")), None, (), POLICY)

    assert {Reason.EMPTY: 1, Reason.NOT_A_PRICE: 1, Reason.CROSSED: 1} == gate.refused
    assert list(zip(gate.refused, wrong, strict=True)) == [
        (rejection.reason, rejection.tick) for rejection in gate.kept
    ]


def test_old_news_is_counted_only(gate: Gate) -> None:
    """What merely came late would crowd out what is worth a look."""
    gate.judge(tick(trade("1", 1)), statement(trade("1", 1)), (), POLICY)

    assert {Reason.OLDER: 1} == gate.refused
    assert not gate.kept


def test_what_is_kept_has_a_bound(gate: Gate) -> None:
    """A mad upstream fills no memory: the latest refusals are kept, all are counted."""
    for number in range(1000):
        gate.judge(tick(trade("-1", number)), None, (), POLICY)

    assert 1000 == gate.refused[Reason.NOT_A_PRICE]
    assert 200 == len(gate.kept)
    assert 999 == gate.kept[-1].tick.trade.id


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
    gate, held = Gate(), None
    for offered in ticks:
        believed = gate.judge(offered, held, (), POLICY)
        if believed is None:
            continue
        before, held = held, merge(believed, held)
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
    gate, held, believed = Gate(), None, 0
    for offered in ticks:
        news = gate.judge(offered, held, (), POLICY)
        if news is not None:
            believed += 1
            held = merge(news, held)

    assert len(ticks) == believed + gate.refused.total()
    assert held is None or BINANCE is held.source
