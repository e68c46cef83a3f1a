from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from omcrm.market.price_class import PriceClass
from omcrm.market.source_quote import merge
from omcrm.market.tick import DayFigures, TopOfBook, Trade
from tests.values import BINANCE, START, after, book, quote, source_quote, tick, trade

DAY = DayFigures(open=Decimal("60000"), time=START)


def test_first_tick_is_all_there_is() -> None:
    """Before anything else was said, a statement holds the tick's parts and nothing more."""
    merged = merge(tick(trade("61837.63"), connection=3), None)

    assert ("BTC", BINANCE, START) == (merged.symbol, merged.source, merged.received_at)
    assert trade("61837.63") == merged.trade
    assert merged.trade_from is not None
    assert (3, START) == (merged.trade_from.connection, merged.trade_from.received_at)
    assert (None, None) == (merged.book, merged.day)


def test_a_book_alone_is_no_trade() -> None:
    """Who has only quoted has not traded at any time."""
    merged = merge(tick(book("1", "2")), None)

    assert (None, None) == (merged.trade, merged.trade_from)


@pytest.mark.parametrize("part", [trade("62000"), book("61999", "62001"), DAY])
def test_each_part_takes_the_place_of_its_own_kind_only(
    part: Trade | TopOfBook | DayFigures,
) -> None:
    """A new trade, book or day leaves the other parts as they were."""
    old = {
        "trade": trade("61000"),
        "book": book("60999", "61001"),
        "day": DayFigures(open=Decimal("59000")),
    }
    merged = merge(tick(part, at=after(1)), source_quote(*old.values()))

    kinds = {Trade: "trade", TopOfBook: "book", DayFigures: "day"}
    assert {**old, kinds[type(part)]: part} == {
        kind: getattr(merged, kind) for kind in ("trade", "book", "day")
    }


def test_age_counts_from_the_last_word_of_any_kind() -> None:
    """A source that still quotes is not silent, though nobody trades."""
    merged = merge(tick(book("1", "2"), at=after(8)), source_quote(trade("1.5")))

    assert 2 == merged.age(after(10)).total_seconds()
    assert merged.trade_from is not None
    assert START == merged.trade_from.received_at


def test_a_late_book_confirms_nothing_that_is_younger_than_itself() -> None:
    """A price that came late stays that old, and one that is fresh is made no older."""
    late = merge(structs.replace(tick(trade("1.5"), at=after(8)), late=timedelta(seconds=20)), None)
    book_of_then = structs.replace(tick(book("1", "2"), at=after(9)), late=timedelta(seconds=20))

    assert 20 == merge(book_of_then, late).age(after(9)).total_seconds()
    assert 9 == merge(book_of_then, source_quote(trade("1.5"))).age(after(9)).total_seconds()


def test_provider_time_never_goes_back() -> None:
    """A trade whose time is before that of the summary it follows keeps the summary's."""
    summary = trade("61000", 10, time=after(2))
    merged = merge(tick(trade("61001", 11, time=after(1)), at=after(3)), source_quote(summary))

    assert trade("61001", 11, time=after(2)) == merged.trade


@pytest.mark.parametrize("later", [None, after(5)])
def test_provider_time_goes_on(later: object) -> None:
    """A later time is taken as it is, and so is none."""
    merged = merge(
        tick(trade("61001", 11, time=later)), source_quote(trade("61000", 10, time=after(2)))
    )

    assert later == merged.trade.time


def test_quote_names_its_source() -> None:
    """A quote says where its price comes from and what it is worth."""
    shown = quote(trade("61000"), seq=7, price_class=PriceClass.STALE)

    assert (BINANCE, 7, PriceClass.STALE) == (shown.source, shown.seq, shown.price_class)
