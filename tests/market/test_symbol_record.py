from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from omcrm.market.comparison import Dispute, DisputeRule
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import PriceBasis
from omcrm.market.source_quote import SourceQuote
from omcrm.market.symbol_record import SymbolRecord
from omcrm.market.tick import DayFigures, TopOfBook
from tests.market.whole_market import POLICIES
from tests.values import START, after, book, instrument, source_quote, tick, trade


@pytest.fixture
def record() -> SymbolRecord:
    """The record of a symbol that has no source yet."""
    btc = instrument()
    return SymbolRecord(btc, POLICIES[btc.asset_class])


def test_the_recovery_hold_doubles_up_to_five_minutes(record: SymbolRecord) -> None:
    """Ten good minutes make up for all failures; other sources have their own."""
    holds = []
    for second in range(8):
        holds.append(record.recovery_hold("binance", after(second)).total_seconds())
        record.note_failure("binance", after(second))

    assert [10, 10, 20, 40, 80, 160, 300, 300] == holds
    assert timedelta(seconds=10) == record.recovery_hold("kraken", after(8))
    assert timedelta(seconds=300) == record.recovery_hold("binance", after(607))
    assert timedelta(seconds=10) == record.recovery_hold("binance", after(608))


GOOD, FAR = (trade("100"), book("99.9", "100.1")), (trade("100"), book("102", "102.2"))
FIGURES = DayFigures(high=Decimal(101), low=Decimal(90), last=Decimal(100))


def reviewed(
    record: SymbolRecord, moments: Iterable[tuple[object, ...]], begin: float = 0
) -> list[bool]:
    """Whether the source contradicts itself after each review, of which one comes each half second
    and sees these parts."""
    results = []
    for number, parts in enumerate(moments):
        at = after(begin + number / 2)
        record.sources["binance"] = source_quote(*parts, at=at)
        record.review_parts(at)
        results.append(record.is_contradicted("binance", PriceClass.LIVE))
    return results


def test_a_source_outside_its_own_book_for_two_seconds_is_contradicted(
    record: SymbolRecord,
) -> None:
    """It is live again after three seconds of agreement."""
    assert [False] * 4 + [True] == reviewed(record, [FAR] * 5)
    assert [True] * 5 + [False] == reviewed(record, [GOOD] * 6, 2.5)
    assert not record.is_contradicted("kraken", PriceClass.LIVE)


@pytest.mark.parametrize(("far", "good"), [(8, 1), (3, 1), (1, 1), (1, 2)])
def test_a_moment_of_agreement_proves_nothing(record: SymbolRecord, far: int, good: int) -> None:
    """A source that is beside itself for a third of the time or more is contradicted, without an
    end."""
    results = reviewed(record, ([FAR] * far + [GOOD] * good) * 40)

    assert results[-40:] == [True] * 40
    assert results.index(True) < 2 * 11.5 or far < good


def test_a_quiet_price_is_live_as_soon_as_it_is_traded_again(record: SymbolRecord) -> None:
    """Where the book moved on after it, and no trade came, it was only old."""
    results = []
    for number in range(8):
        at = after(number / 2)
        traded = source_quote(GOOD[0], at=at if number == 7 else at - timedelta(seconds=1))
        near = GOOD[1] if number == 7 else FAR[1]
        record.sources["binance"] = SourceQuote.merge(tick(near, at=at), traded)
        record.review_parts(at)
        results.append(record.is_contradicted("binance", PriceClass.LIVE))

    assert [False] * 4 + [True] * 3 + [False] == results


@given(st.lists(st.booleans(), max_size=300))
def test_agreement_is_worth_a_third_of_its_time(channels_agree: list[bool]) -> None:
    """In whatever order, a source that contradicts itself is live for two seconds and that in
    all, and where it never does, always."""
    btc = instrument()
    record = SymbolRecord(btc, POLICIES[btc.asset_class])
    results = reviewed(record, [GOOD if agree else FAR for agree in channels_agree])
    wrong = sum(not (agree or known) for agree, known in zip(channels_agree, results, strict=True))

    assert wrong / 2 <= 2.5 + channels_agree.count(True) / 2 / 3
    assert not all(channels_agree) or True not in results


def test_a_book_that_lags_now_and_then_contradicts_nothing(record: SymbolRecord) -> None:
    """Half a second of every two and a half."""
    assert True not in reviewed(record, ([FAR] + [GOOD] * 4) * 40)


def test_a_refused_book_contradicts_as_an_accepted_one(record: SymbolRecord) -> None:
    """It is refused because it is so far away."""
    record.sources["binance"] = source_quote(*GOOD)
    for number in range(5):
        record.review_parts(after(number / 2), {"binance"})

    assert record.is_contradicted("binance", PriceClass.LIVE)


@pytest.mark.parametrize("others", [(), (GOOD[1],)])
def test_its_own_day_figures_contradict_a_source(
    record: SymbolRecord, others: tuple[TopOfBook, ...]
) -> None:
    """Their last price goes on while that of the trades, and the book beside it, stands still."""
    moments = [
        (trade("100"), *others, structs.replace(FIGURES, last=Decimal(100 + number)))
        for number in range(9)
    ]

    assert True is reviewed(record, moments)[-1]


@pytest.mark.parametrize(("low", "high"), [("102", "103"), ("90", "98")])
def test_a_price_outside_the_range_of_the_day_is_contradicted(
    record: SymbolRecord, low: str, high: str
) -> None:
    """Where the figures have no last price."""
    figures = DayFigures(high=Decimal(high), low=Decimal(low))

    assert True is reviewed(record, [(trade("100"), figures)] * 5)[-1]


def test_day_figures_that_moved_contradict_also_where_they_then_stand_still(
    record: SymbolRecord,
) -> None:
    """The price did not go with them; those that are older than its trade say nothing."""
    results = []
    for number in range(20):
        at = after(number / 2)
        parts = structs.replace(FIGURES, last=Decimal(104 if number > 4 else 100))
        came = source_quote(parts, at=at - timedelta(seconds=number % 2))
        record.sources["binance"] = SourceQuote.merge(tick(*GOOD, at=at), came)
        record.review_parts(at)
        results.append(record.is_contradicted("binance", PriceClass.LIVE))

    assert [False] * 12 == results[:12]
    assert results[-1]


def test_the_last_trade_of_a_quote_driven_market_contradicts_no_mid(record: SymbolRecord) -> None:
    """It may be of hours ago."""
    mid = structs.replace(trade("100"), basis=PriceBasis.MID)
    figures = [structs.replace(FIGURES, last=Decimal(103 + number)) for number in range(9)]

    assert True not in reviewed(record, [(mid, summary) for summary in figures])


def test_day_figures_that_have_stopped_contradict_no_price_in_its_book(
    record: SymbolRecord,
) -> None:
    """They still arrive, but stand still, while trades and book go on together."""
    moments = [
        (trade(f"{100 + n}"), book(f"{99.9 + n:.1f}", f"{100.1 + n:.1f}"), FIGURES)
        for n in range(9)
    ]
    without_book = [(last, figures) for last, _, figures in moments]

    assert True not in reviewed(record, moments)
    assert True is reviewed(record, without_book, 60)[-1]


def test_a_source_that_loses_a_dispute_is_contradicted(record: SymbolRecord) -> None:
    """The other one is not."""
    record.dispute = Dispute(frozenset({"kraken"}), DisputeRule.MAJORITY, ())

    assert record.is_contradicted("kraken", PriceClass.LIVE)
    assert not record.is_contradicted("binance", PriceClass.LIVE)


def test_closed_prices_are_compared_only_while_they_contradict_each_other(
    record: SymbolRecord,
) -> None:
    """A dispute goes on beyond the close between those that it began with."""
    closed = dict.fromkeys(("binance", "kraken", "okx"), PriceClass.CLOSED)
    record.sources = {name: source_quote(trade("1")) for name in closed}
    before = record.compared(closed, bool, START)
    record.dispute = Dispute(
        frozenset({"kraken"}), DisputeRule.MAJORITY, (("kraken", Decimal(1)), ("okx", Decimal(2)))
    )

    assert {} == before
    assert {"kraken", "okx"} == record.compared(closed, bool, START).keys()
    assert {"binance"} == record.compared({"binance": PriceClass.LIVE}, bool, START).keys()
