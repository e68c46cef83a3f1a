"""Long for a reason: each way to be refused has its table of what is and what is not."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from omcrm.market.gate import Gate, Reason
from omcrm.market.policy import Policy
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Statement, merge
from omcrm.market.source import LAST_RESORT, SIMULATED, Source
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from tests.values import BINANCE, KRAKEN, START, after, book, statement, tick, trade

POLICY = Policy(("binance", "kraken"), timedelta(seconds=10), Decimal("0.10"))
ONE = Decimal(1)


@pytest.fixture
def gate() -> Gate:
    """A gate that has judged nothing yet."""
    return Gate()


def reason(gate: Gate, news: Tick, held: Statement | None = None, *others: Statement) -> str | None:
    """Why the tick is refused as a whole; None where something of it is believed."""
    before = gate.refused.copy()
    if gate.judge(news, held, others, POLICY) is not None:
        assert before == gate.refused
        return None
    ((why, count),) = (gate.refused - before).items()
    assert 1 == count
    return why


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


# What nobody confirms


@pytest.mark.parametrize(
    "parts",
    [
        (trade("110.01"),),
        (trade("89.99"),),
        (book("89.99", "100"),),
        (book("100", "110.01"),),
        (trade("100"), book("89.99", "100")),
    ],
)
def test_a_jump_is_refused(gate: Gate, parts: tuple[Trade | TopOfBook, ...]) -> None:
    """A price further from the last one than the policy allows needs a second source."""
    assert Reason.JUMP == reason(gate, tick(*parts, at=after(1)), statement(trade("100")))


@pytest.mark.parametrize(
    "parts", [(trade("110"),), (trade("90"),), (book("90", "110"),), (trade("100"),)]
)
def test_a_move_within_the_policy_is_believed(
    gate: Gate, parts: tuple[Trade | TopOfBook, ...]
) -> None:
    """A price that is just within is none."""
    assert None is reason(gate, tick(*parts, at=after(1)), statement(trade("100")))


def test_a_stub_quote_is_refused(gate: Gate) -> None:
    """A market maker's bid of one dollar is not what the share is worth, also as the first word."""
    stub = book("1.00", "213.35")

    assert Reason.WIDE == reason(gate, tick(stub), statement(trade("213.30")))
    assert Reason.WIDE == reason(Gate(), tick(stub))


def test_a_trade_beside_a_stub_quote_is_believed(gate: Gate) -> None:
    """Only the book is left out."""
    last = trade("213.30")

    assert tick(last) == gate.judge(tick(last, book("1.00", "213.35")), None, (), POLICY)
    assert {Reason.WIDE: 1} == gate.refused


def test_bad_figures_of_the_day_cost_themselves_only(gate: Gate) -> None:
    """The trade beside them is as good as any."""
    last = trade("100")
    figures = DayFigures(high=Decimal(90), low=Decimal(95))

    assert tick(last) == gate.judge(tick(last, figures), None, (), POLICY)
    assert {Reason.HIGH_BELOW_LOW: 1} == gate.refused


def test_a_book_that_is_too_late_is_left_out(gate: Gate) -> None:
    """Beside a fresh price it would be a state that never was."""
    late = structs.replace(tick(book("92", "92.1"), at=after(1)), late=timedelta(seconds=30))

    assert Reason.OLDER == reason(gate, late, statement(trade("100")))


def test_a_second_source_contradicts_a_first_price(gate: Gate) -> None:
    """After a silence, and at the start, somebody else may know better."""
    other = statement(trade("100"), source=KRAKEN)
    spike = tick(trade("150"), at=after(1))

    assert None is gate.judge(spike, None, [other], POLICY)
    assert None is gate.judge(
        tick(trade("150"), at=after(60)),
        statement(trade("100")),
        [statement(trade("100"), source=KRAKEN, at=after(55))],
        POLICY,
    )
    assert {Reason.CONTRADICTED: 2} == gate.refused
    assert (("kraken", Decimal(100)),) == gate.kept[0].others


def test_two_outliers_that_agree_confirm_each_other(gate: Gate) -> None:
    """A real jump happens everywhere: the second venue that tells of it is believed."""
    held = statement(trade("100"))
    there = statement(trade("100"), source=KRAKEN)
    jump = tick(trade("151"), at=after(2), source=KRAKEN)

    assert None is gate.judge(tick(trade("150"), at=after(1)), held, [there], POLICY)
    assert None is gate.judge(tick(trade("152"), at=after(1)), held, [there], POLICY)
    assert jump == gate.judge(jump, there, [held], POLICY)


def test_small_steps_lead_no_further_than_a_jump(gate: Gate) -> None:
    """Alone, a source may move by the policy's deviation within its longest age, not by each."""
    held = statement(trade("100"))
    first = tick(trade("100"), at=after(1))
    believed = [gate.judge(first, None, [], POLICY), gate.judge(first, held, [], POLICY)]
    near = statement(trade("109"), at=after(2))

    assert [first, first] == believed
    assert Reason.JUMP == reason(gate, tick(trade("118"), at=after(3)), near)
    assert None is reason(gate, tick(trade("109.5"), at=after(4)), near)
    later = statement(trade("109"), at=after(11))
    assert None is reason(gate, tick(trade("118"), at=after(12)), later)


def test_small_steps_away_from_everybody_else_are_contradicted(gate: Gate) -> None:
    """One venue that walks off alone is not believed, though each step is a small one."""
    held, there = statement(trade("109")), statement(trade("100"), source=KRAKEN)

    assert Reason.CONTRADICTED == reason(gate, tick(trade("118"), at=after(1)), held, there)
    assert None is reason(gate, tick(trade("109.9"), at=after(1)), held, there)


def test_an_outlier_that_was_taken_back_confirms_nothing(gate: Gate) -> None:
    """Its source goes on where it was: that was a mistake, and another one's is none the less."""
    held, there = statement(trade("100")), statement(trade("100"), source=KRAKEN)
    gate.judge(tick(trade("150"), at=after(1)), held, [there], POLICY)
    gate.judge(tick(trade("100.1"), at=after(2)), held, [there], POLICY)
    jump = tick(trade("150"), at=after(3), source=KRAKEN)

    assert None is gate.judge(jump, there, [held], POLICY)


def test_an_invented_price_confirms_nothing(gate: Gate) -> None:
    """What the built-in exchange was refused for says nothing about a market, nor the reverse."""
    held, simulated = statement(trade("100")), statement(trade("100"), source=SIMULATED)
    invented = tick(trade("150"), at=after(1), source=SIMULATED)
    spike = tick(trade("150"), at=after(2))

    assert None is gate.judge(invented, simulated, [held], POLICY)
    assert None is gate.judge(spike, held, [], POLICY)
    assert None is gate.judge(invented, simulated, [held], POLICY)


def test_an_old_outlier_confirms_nothing(gate: Gate) -> None:
    """What nobody repeated within the longest age was a mistake."""
    there = statement(trade("100"), source=KRAKEN, at=after(11))
    gate.judge(tick(trade("150"), at=after(1)), statement(trade("100")), [], POLICY)
    jump = tick(trade("150"), at=after(12), source=KRAKEN)

    assert None is gate.judge(jump, there, [], POLICY)


def test_yesterdays_close_contradicts_nobody(gate: Gate) -> None:
    """A price that is asked now and then may confirm another, but a market may have moved."""
    close = statement(trade("100"), source=Source("alpha_vantage", PriceClass.INDICATIVE))
    opening = tick(trade("150"), at=after(1))

    assert opening == gate.judge(opening, None, [close], POLICY)


def test_a_second_source_confirms_a_first_price(gate: Gate) -> None:
    """One that agrees is enough, whatever a third says."""
    others = [
        statement(trade("100"), source=KRAKEN),
        statement(trade("151"), source=Source("coinbase", PriceClass.LIVE)),
    ]
    spike = tick(trade("150"), at=after(1))

    assert spike == gate.judge(spike, statement(trade("100")), others, POLICY)


def test_what_is_refused_tells_what_the_others_said(gate: Gate) -> None:
    """Whoever looks at it later sees the own last price and those of the others."""
    other = statement(trade("100.5"), source=KRAKEN)
    gate.judge(tick(trade("150"), at=after(1)), statement(trade("100")), [other], POLICY)
    (refusal,) = gate.kept

    assert (Reason.JUMP, Decimal(100), (("kraken", Decimal("100.5")),)) == (
        refusal.reason,
        refusal.held,
        refusal.others,
    )


def test_day_figures_do_not_jump(gate: Gate) -> None:
    """A day's high may lie far from the last price."""
    day = tick(DayFigures(high=Decimal(200), low=ONE), at=after(1))

    assert None is reason(gate, day, statement(trade("100")))


def test_there_is_no_jump_without_a_trade(gate: Gate) -> None:
    """Where nobody traded yet, there is nothing to be far from."""
    assert None is reason(gate, tick(trade("500")), statement(book("99", "101")))


@pytest.mark.parametrize(("seconds", "why"), [(10, Reason.JUMP), (10.001, None)])
def test_an_old_reference_contradicts_nothing(
    gate: Gate, seconds: float, why: Reason | None
) -> None:
    """After the policy's age the last trade is too old to doubt another price by."""
    assert why == reason(gate, tick(trade("200"), at=after(seconds)), statement(trade("100")))


def test_a_book_does_not_renew_the_reference(gate: Gate) -> None:
    """Only a trade makes the last price young again."""
    held = merge(tick(book("99", "101"), at=after(9)), statement(trade("100")))

    assert None is reason(gate, tick(trade("200"), at=after(11)), held)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (statement(trade("205"), source=KRAKEN, at=after(1)), None),
        (statement(trade("205"), source=Source("late", PriceClass.DELAYED), at=after(1)), None),
        (statement(trade("100"), source=KRAKEN, at=after(1)), Reason.JUMP),
        (statement(trade("205"), source=KRAKEN, at=after(-10)), Reason.JUMP),
        (statement(book("204", "206"), source=KRAKEN, at=after(1)), Reason.JUMP),
        (statement(trade("205"), source=SIMULATED, at=after(1)), Reason.JUMP),
        (statement(trade("205"), source=LAST_RESORT, at=after(1)), Reason.JUMP),
    ],
    ids=["confirmed", "delayed", "contradicted", "old", "no trade", "simulated", "last resort"],
)
def test_a_second_real_source_confirms_a_jump(
    gate: Gate, second: Statement, why: Reason | None
) -> None:
    """Only a fresh price of another market can confirm one; an invented price cannot."""
    news = tick(trade("200"), at=after(1))

    assert why == reason(gate, news, statement(trade("100")), second)


def test_any_of_several_sources_confirms(gate: Gate) -> None:
    """One that agrees is enough."""
    others = [
        statement(trade(price), source=Source(f"other {price}", PriceClass.LIVE))
        for price in ("100", "201")
    ]

    assert None is reason(gate, tick(trade("200")), statement(trade("100")), *others)


# What is remembered


def test_refused_ticks_are_counted_and_kept(gate: Gate) -> None:
    """Each refused tick can be looked at, with its reason."""
    wrong = [tick(), tick(trade("-1")), tick(book("2", "1"))]
    for each in wrong:
        gate.judge(each, None, (), POLICY)
    gate.judge(tick(trade("1")), None, (), POLICY)

    assert {Reason.EMPTY: 1, Reason.NOT_A_PRICE: 1, Reason.CROSSED: 1} == gate.refused
    assert list(zip(gate.refused, wrong, strict=True)) == [
        (each.reason, each.tick) for each in gate.kept
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
    lambda parts, second: tick(*(each for each in parts if each), at=after(second)),
    st.tuples(st.none() | _trades, st.none() | _books, st.none() | _days),
    st.integers(0, 60),
)


@settings(deadline=None, derandomize=True, database=None, max_examples=150)
@given(st.lists(_ticks, max_size=40))
def test_nothing_goes_back_within_one_connection(ticks: list[Tick]) -> None:
    """In whatever order frames come in, the held trade, book and provider time only go on."""
    gate, held = Gate(), None
    for each in ticks:
        believed = gate.judge(each, held, (), POLICY)
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
    for each in ticks:
        news = gate.judge(each, held, (), POLICY)
        if news is not None:
            believed += 1
            held = merge(news, held)

    assert len(ticks) == believed + gate.refused.total()
    assert held is None or BINANCE is held.source
