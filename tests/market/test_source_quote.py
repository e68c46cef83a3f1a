from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from omcrm.market.price_class import PriceClass
from omcrm.market.source_quote import SourceQuote
from omcrm.market.tick import DayFigures, TopOfBook, Trade
from tests.values import BINANCE, START, after, book, quote, source_quote, tick, trade

DAY = DayFigures(open=Decimal("60000"), time=START)


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


def test_provider_time_never_goes_back() -> None:
    """A trade with an earlier time than the summary before it takes the summary's time."""
    summary = trade("61000", 10, time=after(2))
    merged = SourceQuote.merge(
        tick(trade("61001", 11, time=after(1)), at=after(3)), source_quote(summary)
    )

    assert trade("61001", 11, time=after(2)) == merged.trade


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
