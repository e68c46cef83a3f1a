"""The consolidator makes one quote per symbol.

Long for a reason: price class, active source, session and connection meet in it.
"""

import random
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from omcrm.market.instrument import AssetClass
from omcrm.market.policy import LOOK_AHEAD
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote, StaleReason
from omcrm.market.session import Calendar
from omcrm.market.source import SIMULATED
from omcrm.market.tick import DayFigures, Tick, TopOfBook, Trade
from omcrm.market.validation import RejectReason
from tests.market.whole_market import (
    CLOSED,
    DOWN,
    FINNHUB,
    HEALTHY,
    LIVE,
    STALE,
    Market,
    shown,
)
from tests.values import BINANCE, KRAKEN, book, instrument, trade

# From ticks to quotes


def last(quote: Quote) -> tuple[Decimal, int | None]:
    return quote.last, quote.trade_id


def top(quote: Quote) -> tuple[Decimal | None, Decimal | None]:
    return quote.bid, quote.ask


def test_first_price_of_a_healthy_source_is_live(streaming: Market) -> None:
    """The first trade makes a live quote with the first number, which the cache then holds."""
    quote = streaming.trade("61837.63")

    assert (Decimal("61837.63"), 2, LIVE) == (quote.last, quote.seq, quote.price_class)
    assert quote is streaming.cache.get("BTC")
    assert {"BTC": quote} == streaming.cache.snapshot()


def test_a_quote_merges_the_parts_of_its_ticks(streaming: Market) -> None:
    """A quote has the latest trade, top of book and day figures of its source."""
    day = DayFigures(high=Decimal(110))
    streaming.apply(trade("100", 1))
    streaming.apply(book("99", "101", 1))
    quote = streaming.apply(day)

    assert (Decimal(100), 1) == last(quote)
    assert (Decimal(99), Decimal(101)) == top(quote)
    assert Decimal(110) == quote.high


def test_without_a_price_there_is_no_quote(streaming: Market) -> None:
    """Book and day figures make no quote before the first trade, but are kept for it."""
    before = [streaming.apply(book("99", "101", 1)), streaming.apply(DayFigures(high=Decimal(110)))]
    quote = streaming.apply(trade("100", 1))

    assert [None, None] == before
    assert Decimal(99) == quote.bid
    assert Decimal(110) == quote.high


def test_rejected_ticks_change_nothing(streaming: Market) -> None:
    """An older trade and a jump are rejected, and the quote stays as it is."""
    quote = streaming.apply(trade("100", 5))

    assert None is streaming.apply(trade("101", 4))
    assert None is streaming.apply(trade("1", 6))
    assert quote is streaming.cache.get("BTC")
    assert {RejectReason.OLDER: 1, RejectReason.JUMP: 1} == streaming.validator.rejected


def test_a_jump_is_accepted_when_another_source_confirms_it(streaming: Market) -> None:
    """A jump is accepted when a fresh quote of another source is near it."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    streaming.trade("200", KRAKEN)

    assert Decimal(200) == streaming.trade("200").last


def test_a_simulated_price_confirms_no_jump(streaming: Market) -> None:
    """A jump to the price of the simulated source is rejected."""
    streaming.set_health(HEALTHY, "simulated")
    streaming.trade("100")
    streaming.trade("200", SIMULATED)

    assert None is streaming.trade("200")


def test_unknown_symbols_are_ignored(streaming: Market) -> None:
    """A tick of a symbol that is not followed makes no quote and is not counted as rejected."""
    assert None is streaming.trade("1", symbol="DOGE")
    assert None is streaming.cache.get("DOGE")
    assert 0 == streaming.validator.rejected.total()


def test_every_change_has_the_next_number(streaming: Market) -> None:
    """Even numbers grow over all symbols, for ticks and for reviews."""
    streaming.trade("100")
    streaming.trade("100", symbol="ETH")
    streaming.apply(trade("1", 1))
    streaming.clock.pass_seconds(11)
    aged = streaming.review()
    last = streaming.trade("101")

    assert [6, 8] == [quote.seq for quote in aged]
    assert 10 == last.seq


# From live to stale and back


def test_a_price_without_a_healthy_connection_is_stale(market: Market) -> None:
    """A price is not live before its source is healthy."""
    market.trade("100")

    assert ("binance", STALE) == market.shows()


def test_time_alone_makes_a_price_stale(streaming: Market) -> None:
    """After the maximum age the same price becomes stale, and that is published once."""
    live = streaming.trade("100")
    streaming.clock.pass_seconds(10)
    before = streaming.review()
    streaming.clock.pass_seconds(0.001)
    (stale,) = streaming.review()

    assert [] == before
    assert (STALE, StaleReason.AGE) == (stale.price_class, stale.stale_reason)
    assert (last(live), live.confirmed_at) == (last(stale), stale.confirmed_at)
    assert live.seq < stale.seq
    assert [] == streaming.review()


def test_a_new_book_keeps_the_price_live(streaming: Market) -> None:
    """A book around the last trade confirms its price."""
    streaming.apply(trade("100", 1))
    streaming.clock.pass_seconds(8)
    streaming.apply(book("99", "101", 1))
    streaming.clock.pass_seconds(8)

    assert [] == streaming.review()


def test_a_stale_price_is_live_again_with_its_next_tick(streaming: Market) -> None:
    """The next trade of a stale price makes it live."""
    streaming.trade("100")
    streaming.clock.pass_seconds(60)
    streaming.review()
    streaming.trade("100")

    assert ("binance", LIVE) == streaming.shows()


def test_all_prices_of_a_lost_source_are_stale_at_once(streaming: Market) -> None:
    """When a source goes down, all its quotes become stale at once, and only once."""
    streaming.trade("100")
    streaming.trade("10", symbol="ETH")

    assert [("BTC", "binance", STALE), ("ETH", "binance", STALE)] == streaming.set_health(DOWN)
    assert [] == streaming.set_health(DOWN)


def test_after_a_reconnect_each_price_waits_for_its_own_tick(streaming: Market) -> None:
    """On a new connection a quote stays stale until a tick of its own symbol arrives."""
    streaming.trade("100")
    streaming.trade("10", symbol="ETH")
    streaming.set_health(DOWN)
    changed = streaming.set_health(HEALTHY, connection=2)
    streaming.trade("10", symbol="ETH", connection=2)

    assert [] == changed
    assert ("binance", STALE) == streaming.shows("BTC")
    assert ("binance", LIVE) == streaming.shows("ETH")
    streaming.trade("100", connection=2)

    assert ("binance", LIVE) == streaming.shows("BTC")


def test_no_part_of_an_ended_connection_is_used(streaming: Market) -> None:
    """After a reconnect a new book leaves the old trade stale; a new trade drops the old book."""
    streaming.apply(trade("100", 10))
    streaming.apply(book("99.9", "100.1", 10))
    streaming.set_health(DOWN)
    streaming.clock.pass_seconds(600)
    streaming.set_health(HEALTHY, connection=2)
    streaming.apply(book("109.9", "110.1", 20), connection=2)
    before = streaming.cache.get("BTC")
    streaming.apply(trade("110", 20), connection=2)
    after = streaming.cache.get("BTC")

    assert ((Decimal(100), 10), STALE) == (last(before), before.price_class)
    assert ((Decimal(110), 20), LIVE) == (last(after), after.price_class)
    assert (Decimal("109.9"), Decimal("110.1")) == top(after)


def test_ticks_of_an_ended_connection_are_ignored(streaming: Market) -> None:
    """A tick that arrives after the end of its connection makes no quote."""
    streaming.set_health(HEALTHY, connection=2)

    assert streaming.apply(trade("100", 10), connection=1) is None
    assert streaming.cache.get("BTC") is None


def test_a_trade_after_a_reconnect_has_no_old_book(streaming: Market) -> None:
    """Until the new connection brings a book, the quote has no bid and no ask."""
    streaming.apply(trade("100", 10))
    streaming.apply(book("99.9", "100.1", 10))
    streaming.set_health(DOWN)
    streaming.set_health(HEALTHY, connection=2)
    streaming.apply(trade("110", 20), connection=2)
    quote = streaming.cache.get("BTC")

    assert ((None, None), LIVE) == (top(quote), quote.price_class)


def test_a_new_connection_confirms_the_last_trade(streaming: Market) -> None:
    """A summary that repeats the held trade makes its price live without counting a new trade."""
    streaming.apply(trade("100", 10, "2"))
    held = streaming.cache.get("BTC")
    streaming.set_health(DOWN)
    streaming.clock.pass_seconds(60)
    streaming.set_health(HEALTHY, connection=2)
    streaming.apply(trade("100", 10), connection=2)
    quote = streaming.cache.get("BTC")

    assert (held.trade_id, held.trade_number) == (quote.trade_id, quote.trade_number)
    assert LIVE is quote.price_class


def test_a_replacing_connection_keeps_prices_live(streaming: Market) -> None:
    """While two connections overlap, the quotes of both are live."""
    streaming.trade("100")
    streaming.trade("10", symbol="ETH", connection=2)

    assert ("binance", LIVE) == streaming.shows("BTC")
    assert ("binance", LIVE) == streaming.shows("ETH")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (trade("101", 1), book("100.9", "101.1", 1)),
        (book("100.9", "101.1", 1), trade("101", 1)),
    ],
    ids=["trade first", "book first"],
)
def test_restarted_numbers_are_accepted_for_every_part(
    streaming: Market, first: Trade | TopOfBook, second: Trade | TopOfBook
) -> None:
    """After an upstream's restart trade and book are accepted, whichever of them arrives first."""
    streaming.apply(trade("100", 1000))
    streaming.apply(book("99.9", "100.1", 1000))
    streaming.set_health(DOWN)
    streaming.clock.pass_seconds(20)
    streaming.set_health(HEALTHY, connection=2)
    streaming.apply(first, connection=2)
    streaming.apply(second, connection=2)
    quote = streaming.cache.get("BTC")

    assert LIVE is quote.price_class
    assert (Decimal(101), 1) == last(quote)
    assert (Decimal("100.9"), Decimal("101.1")) == top(quote)


def test_one_part_may_restart_its_numbers_alone(streaming: Market) -> None:
    """A book with lower ids is accepted once the held book is too old, although trades go on."""
    streaming.apply(trade("100", 1000))
    streaming.apply(book("99.9", "100.1", 1000))
    for second in range(12):
        streaming.clock.pass_seconds(1)
        streaming.apply(trade("100", 1001 + second), connection=2)
        streaming.apply(book("99.8", "100.2", 1 + second), connection=2)
    quote = streaming.cache.get("BTC")

    assert (Decimal(100), 1012) == last(quote)
    assert (Decimal("99.8"), Decimal("100.2")) == top(quote)


# Sessions


def test_a_stock_is_closed_with_its_exchange_and_stale_at_the_open(market: Market) -> None:
    """After the session the last price is closed, and at the next opening it is stale."""
    market.set_health(HEALTHY, "finnhub")
    market.clock.now = datetime(2026, 3, 4, 20, 59, 55, tzinfo=UTC)
    market.trade("213.30", FINNHUB, "AAPL")
    market.clock.now = datetime(2026, 3, 4, 21, 0, 1, tzinfo=UTC)
    evening = shown(market.review())
    market.set_health(DOWN, "finnhub")
    night = market.shows("AAPL")
    market.clock.now = datetime(2026, 3, 5, 14, 30, 1, tzinfo=UTC)

    assert [("AAPL", "finnhub", CLOSED)] == evening
    assert ("finnhub", CLOSED) == night
    assert [("AAPL", "finnhub", STALE)] == shown(market.review())


def test_no_price_is_live_before_the_open(market: Market) -> None:
    """A price of the minutes before is closed until the market is open, however far a review looks
    ahead."""
    market.set_health(HEALTHY, "finnhub")
    opens_at, shown_at = datetime(2026, 3, 5, 14, 30, tzinfo=UTC), {}
    for milliseconds in range(-2000, 1500, 250):
        market.clock.now = opens_at + timedelta(milliseconds=milliseconds)
        market.trade("213.30", FINNHUB, "AAPL")
        market.review(LOOK_AHEAD)
        _, shown_at[milliseconds] = market.shows("AAPL")

    assert {CLOSED} == {shown_at[at] for at in shown_at if at < 0}
    assert {LIVE} == {shown_at[at] for at in shown_at if at >= 0}


def test_no_price_is_closed_before_the_close(market: Market) -> None:
    """However far a review looks ahead; from the close on it is."""
    market.set_health(HEALTHY, "finnhub")
    closes_at, shown_at = datetime(2026, 3, 5, 21, 0, tzinfo=UTC), {}
    for milliseconds in range(-2000, 1500, 250):
        market.clock.now = closes_at + timedelta(milliseconds=milliseconds)
        market.trade("213.30", FINNHUB, "AAPL")
        market.review(LOOK_AHEAD)
        _, shown_at[milliseconds] = market.shows("AAPL")

    assert {LIVE} == {shown_at[at] for at in shown_at if at < 0}
    assert {CLOSED} == {shown_at[at] for at in shown_at if at >= 0}


def test_the_simulated_source_does_not_close(market: Market) -> None:
    """A simulated price stays simulated outside of the session."""
    market.set_health(HEALTHY, "simulated")
    market.clock.now = datetime(2026, 3, 4, 23, 0, tzinfo=UTC)
    market.trade("213.30", SIMULATED, "AAPL")

    assert ("simulated", PriceClass.SIMULATED) == market.shows("AAPL")


# Followed instruments


def test_an_unfollowed_symbol_is_removed(streaming: Market) -> None:
    """Its record is removed and its ticks are ignored; the other symbols stay."""
    streaming.trade("100")
    eth = streaming.trade("10", symbol="ETH")
    streaming.consolidator.follow([instrument("ETH")])

    assert None is streaming.trade("100")
    assert {} == streaming.consolidator.quotes_by_source("BTC")
    assert eth.last == streaming.consolidator.quotes_by_source("ETH")["binance"].last


def test_a_symbol_followed_again_starts_empty(streaming: Market) -> None:
    """The first tick of a symbol that is followed again is not validated against its old trades."""
    streaming.apply(trade("100", 1000))
    streaming.consolidator.follow([])
    streaming.consolidator.follow([instrument("BTC")])
    quote = streaming.apply(trade("900", 1))

    assert (Decimal(900), LIVE) == (quote.last, quote.price_class)


def test_a_new_instrument_is_followed_beside_the_others(streaming: Market) -> None:
    """Following one more instrument leaves the quotes of the others as they are."""
    btc = streaming.trade("100")
    streaming.consolidator.follow([instrument("BTC"), instrument("DOGE")])
    streaming.trade("0.1", symbol="DOGE")

    assert ("binance", LIVE) == streaming.shows("DOGE")
    assert btc is streaming.cache.get("BTC")


# Threads


def test_threads_keep_quotes_in_order(streaming: Market, restless: None) -> None:
    """With four feeds in four threads quotes stay in order and the cache has the newest."""
    made: list[list[Quote]] = [[], [], [], []]
    newest = 4000

    def feed(number: int) -> None:
        chance = random.Random(number)
        ids = list(range(number + 1, newest + 1, 4))
        # Roughly in order, as overlapping connections are.
        ids.sort(key=lambda identifier: identifier + chance.randint(0, 40))
        for trade_id in ids:
            for symbol in ("BTC", "ETH"):
                price = Decimal(100) + Decimal(trade_id) / 1000
                quote = streaming.consolidator.apply(
                    Tick(symbol, BINANCE, streaming.clock(), 1, trade(price, trade_id))
                )
                if quote is not None:
                    made[number].append(quote)
                    streaming.cache.put(quote)
            streaming.review()

    threads = [threading.Thread(target=feed, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quotes = sorted((quote for part in made for quote in part), key=lambda quote: quote.seq)

    assert all(part == sorted(part, key=lambda quote: quote.seq) for part in made)
    assert len(quotes) == len({quote.seq for quote in quotes})
    for symbol in ("BTC", "ETH"):
        ids = [quote.trade_id for quote in quotes if quote.symbol == symbol]

        assert sorted(set(ids)) == ids
        assert newest == ids[-1]
        assert newest == streaming.cache.get(symbol).trade_id
    assert 2 * newest == len(quotes) + streaming.validator.rejected[RejectReason.OLDER]


def test_the_calendar_decides_when_a_price_is_closed(market: Market) -> None:
    """Not the asset class: a share that trades around the clock is live on a Saturday."""
    market.consolidator.follow(
        [
            instrument("AAPL", AssetClass.STOCK, {"finnhub": "AAPL"}),
            instrument("GOLD", AssetClass.STOCK, {"finnhub": "GOLD"}, calendar=Calendar.ALWAYS),
        ]
    )
    market.clock.now = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)
    market.set_health(HEALTHY, "finnhub")
    market.trade("213.30", FINNHUB, "AAPL")
    market.trade("2900", FINNHUB, "GOLD")

    assert ("finnhub", CLOSED) == market.shows("AAPL")
    assert ("finnhub", LIVE) == market.shows("GOLD")
