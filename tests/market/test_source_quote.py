from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from omcrm.market.instrument import AssetClass
from omcrm.market.policy import POLICIES
from omcrm.market.price_class import PriceClass
from omcrm.market.session import Calendar
from omcrm.market.source import Source
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from tests.values import BINANCE, START, after, book, quote, source_quote, tick, trade

DAY = DayFigures(open=Decimal("60000"), time=START)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2015, 6, 1, tzinfo=UTC)


def test_the_first_tick_makes_the_source_quote() -> None:
    """The first source quote has the parts of its tick and no others."""
    merged = SourceQuote.merge(tick(trade("61837.63"), connection=3), None)

    assert ("BTC", BINANCE, START) == (merged.symbol, merged.source, merged.received_at)
    assert trade("61837.63") == merged.trade
    assert merged.trade_from is not None
    assert (3, START) == (merged.trade_from.connection, merged.trade_from.received_at)
    assert (None, None) == (merged.book, merged.day)


def test_a_book_alone_is_no_trade() -> None:
    """A source quote of a book alone has no trade and no tick that brought one."""
    merged = SourceQuote.merge(tick(book("1", "2")), None)

    assert (None, None) == (merged.trade, merged.trade_from)


@pytest.mark.parametrize("part", [trade("62000"), book("61999", "62001"), DAY])
def test_a_part_replaces_only_its_own_kind(
    part: Trade | TopOfBook | DayFigures,
) -> None:
    """A new trade, book or day leaves the other parts as they were."""
    old = {
        "trade": trade("61000"),
        "book": book("60999", "61001"),
        "day": DayFigures(open=Decimal("59000")),
    }
    merged = SourceQuote.merge(tick(part, at=after(1)), source_quote(*old.values()))

    kinds = {Trade: "trade", TopOfBook: "book", DayFigures: "day"}
    assert {**old, kinds[type(part)]: part} == {
        kind: getattr(merged, kind) for kind in ("trade", "book", "day")
    }


def test_a_book_around_the_price_confirms_it() -> None:
    """The age counts from the last book around the price, while the trade keeps its own time."""
    merged = SourceQuote.merge(tick(book("1", "2"), at=after(8)), source_quote(trade("1.5")))

    assert 2 == merged.age(after(10)).total_seconds()
    assert merged.trade_from is not None
    assert START == merged.trade_from.received_at


def test_a_late_book_confirms_nothing_that_is_younger_than_itself() -> None:
    """A late book neither makes a late price younger nor a fresh price older."""
    late = SourceQuote.merge(
        structs.replace(tick(trade("1.5"), at=after(8)), late=timedelta(seconds=20)), None
    )
    book_of_then = structs.replace(tick(book("1", "2"), at=after(9)), late=timedelta(seconds=20))

    assert 20 == SourceQuote.merge(book_of_then, late).age(after(9)).total_seconds()
    assert (
        9
        == SourceQuote.merge(book_of_then, source_quote(trade("1.5"))).age(after(9)).total_seconds()
    )


# Prices of another day


def replayed(new: Tick) -> Tick:
    return structs.replace(new, recorded_at=LONG_AGO)


@pytest.mark.parametrize("time", [EPOCH, LONG_AGO, after(-86_400), after(-3601)])
def test_a_trade_of_long_ago_is_as_old_as_it_says(time: datetime) -> None:
    """Its own time counts, not its arrival, and no book without a time makes it younger."""
    held = SourceQuote.merge(tick(trade("1.5", time=time)), None)
    confirmed = SourceQuote.merge(tick(book("1", "2"), at=after(1)), held)
    traded = SourceQuote.merge(tick(trade("1.5", time=time), at=after(2)), confirmed)

    assert [START - time] * 3 == [one.age(START) for one in (held, confirmed, traded)]


def test_a_book_of_long_ago_confirms_nothing() -> None:
    """A book counts when it says, too."""
    old = structs.replace(book("1", "2"), time=after(-86_400))
    held = SourceQuote.merge(tick(old, at=after(8)), source_quote(trade("1.5", time=START)))

    assert timedelta(seconds=8) == held.age(after(8))


def test_a_book_of_now_confirms_a_price_of_long_ago() -> None:
    """A symbol that is rarely traded has a price as long as somebody offers it."""
    now = structs.replace(book("1", "2"), time=after(8))
    held = source_quote(trade("1.5", time=after(-86_400)))

    assert timedelta() == SourceQuote.merge(tick(now, at=after(8)), held).age(after(8))


@pytest.mark.parametrize("time", [None, START, after(-3599), after(30)])
def test_another_trade_is_as_old_as_its_arrival(time: datetime | None) -> None:
    """Clocks differ, and not every source sends times."""
    assert timedelta() == source_quote(trade("1.5", time=time)).age(START)


# Seconds before START, more than an hour.
long_before = st.floats(3600.001, 56 * 365.25 * 86_400).map(lambda seconds: after(-seconds))
old_parts = st.one_of(
    st.builds(trade, st.just("1.5"), time=long_before),
    st.just(book("1", "2")),
    st.builds(lambda time: structs.replace(book("1", "2"), time=time), long_before),
    st.just(DAY),
)


@settings(derandomize=True, database=None, max_examples=200)
@given(st.lists(st.lists(old_parts, min_size=1, max_size=3), min_size=1, max_size=12))
def test_nothing_of_another_day_is_ever_live(frames: list[list[Trade | TopOfBook]]) -> None:
    """However many trades of long ago and books arrive, one after the other."""
    held = None
    for second, parts in enumerate(frames):
        now = after(second)
        held = SourceQuote.merge(tick(*parts, at=now), held)
        if held.trade is None:
            continue
        price_class = POLICIES[AssetClass.CRYPTO].classify(
            held, now, Calendar.ALWAYS, streaming=True
        )

        assert PriceClass.STALE is price_class


def test_a_trade_that_is_reported_again_does_not_become_older() -> None:
    """A new connection begins with the last trade, of however long ago."""
    first = source_quote(trade("1.5", 7, time=after(-5)))
    confirmed = SourceQuote.merge(tick(book("1", "2"), at=after(3000)), first)
    again = tick(trade("1.5", 7, time=after(-5)), at=after(4000), connection=2)

    assert timedelta(seconds=1000) == SourceQuote.merge(again, confirmed).age(after(4000))


def test_a_recording_is_as_old_as_its_arrival() -> None:
    """Its times are of another day, which its date says already."""
    held = SourceQuote.merge(replayed(tick(trade("1.5", time=LONG_AGO))), None)
    confirmed = SourceQuote.merge(replayed(tick(book("1", "2"), at=after(5))), held)

    assert (timedelta(), after(5)) == (held.age(START), confirmed.confirmed_at)
    assert LONG_AGO == held.quote(1, PriceClass.REPLAYED, AssetClass.CRYPTO).recorded_at


def test_a_polled_price_is_as_old_as_its_answer() -> None:
    """A reference rate of yesterday is what its source says now."""
    gecko = Source("coingecko", PriceClass.INDICATIVE)

    assert timedelta() == source_quote(trade("1", time=LONG_AGO), source=gecko).age(START)


def test_provider_time_never_goes_back() -> None:
    """A trade with an earlier time than the summary before it takes the summary's time."""
    summary = trade("61000", 10, time=after(2))
    merged = SourceQuote.merge(
        tick(trade("61001", 11, time=after(1)), at=after(3)), source_quote(summary)
    )

    assert trade("61001", 11, time=after(2)) == merged.trade


def test_a_late_trade_has_its_own_time() -> None:
    """Also where one before it was on time: it is shown as old as it is."""
    late = tick(trade("61001", 11, time=after(-50)), at=after(1)).dated(50.0)
    merged = SourceQuote.merge(late, source_quote(trade("61000", 10, time=after(0))))

    assert after(-50) == merged.trade.time


def test_a_source_that_began_anew_has_its_own_times() -> None:
    """A price of last week does not take the time of the one before it."""
    before = source_quote(trade("61000", time=after(2)))
    merged = SourceQuote.merge(tick(trade("52000", time=LONG_AGO), at=after(300)), before)

    assert trade("52000", time=LONG_AGO) == merged.trade


@pytest.mark.parametrize("later", [None, after(5)])
def test_a_later_or_missing_provider_time_is_kept(later: object) -> None:
    """A trade keeps a later provider time, and a missing one stays None."""
    merged = SourceQuote.merge(
        tick(trade("61001", 11, time=later)), source_quote(trade("61000", 10, time=after(2)))
    )

    assert later == merged.trade.time


def test_a_quote_has_its_source_and_class() -> None:
    """A quote has the source, the number and the price class it was made with."""
    shown = quote(trade("61000"), seq=7, price_class=PriceClass.STALE)

    assert (BINANCE, 7, PriceClass.STALE) == (shown.source, shown.seq, shown.price_class)
