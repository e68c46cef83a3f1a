"""Long for a reason: the cache is where class, speaker, session and connection meet."""

import random
import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote, StaleReason
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
    """A trade is shown at once, numbered, and is what is held."""
    quote = streaming.trade("61837.63")

    assert (Decimal("61837.63"), 1, LIVE) == (quote.last, quote.seq, quote.price_class)
    assert quote is streaming.cache.get("BTC")
    assert {"BTC": quote} == streaming.cache.snapshot()


def test_parts_come_together(streaming: Market) -> None:
    """The quote holds the latest of each part that was said."""
    day = DayFigures(high=Decimal(110))
    streaming.apply(trade("100", 1))
    streaming.apply(book("99", "101", 1))
    quote = streaming.apply(day)

    assert (Decimal(100), 1) == last(quote)
    assert (Decimal(99), Decimal(101)) == top(quote)
    assert Decimal(110) == quote.high


def test_without_a_price_there_is_no_quote(streaming: Market) -> None:
    """Book and day figures wait for the first trade, and are not lost until then."""
    before = [streaming.apply(book("99", "101", 1)), streaming.apply(DayFigures(high=Decimal(110)))]
    quote = streaming.apply(trade("100", 1))

    assert [None, None] == before
    assert Decimal(99) == quote.bid
    assert Decimal(110) == quote.high


def test_what_the_gate_refuses_changes_nothing(streaming: Market) -> None:
    """An older trade and a jump are refused, and the quote stays."""
    quote = streaming.apply(trade("100", 5))

    assert None is streaming.apply(trade("101", 4))
    assert None is streaming.apply(trade("1", 6))
    assert quote is streaming.cache.get("BTC")
    assert {RejectReason.OLDER: 1, RejectReason.JUMP: 1} == streaming.validator.rejected


def test_a_jump_is_believed_when_another_market_made_it_too(streaming: Market) -> None:
    """What all sources say is what the gate confirms a jump by."""
    streaming.set_health(HEALTHY, "kraken")
    streaming.trade("100")
    streaming.trade("200", KRAKEN)

    assert Decimal(200) == streaming.trade("200").last


def test_an_invented_price_confirms_no_jump(streaming: Market) -> None:
    """The built-in exchange is no second source."""
    streaming.set_health(HEALTHY, "simulated")
    streaming.trade("100")
    streaming.trade("200", SIMULATED)

    assert None is streaming.trade("200")


def test_unknown_symbols_are_ignored(streaming: Market) -> None:
    """What is not followed leaves no trace."""
    assert None is streaming.trade("1", symbol="DOGE")
    assert None is streaming.cache.get("DOGE")
    assert 0 == streaming.validator.rejected.total()


def test_every_change_has_the_next_number(streaming: Market) -> None:
    """Numbers grow over all symbols, whatever the change came from."""
    streaming.trade("100")
    streaming.trade("100", symbol="ETH")
    streaming.apply(trade("1", 1))
    streaming.clock.pass_seconds(11)
    aged = streaming.review()
    last = streaming.trade("101")

    assert [3, 4] == [quote.seq for quote in aged]
    assert 5 == last.seq


# From live to stale and back


def test_source_that_nobody_vouches_for_is_stale(market: Market) -> None:
    """Without a healthy connection a price is not live."""
    market.trade("100")

    assert ("binance", STALE) == market.shows()


def test_time_alone_makes_a_price_stale(streaming: Market) -> None:
    """After the maximum age the same price is of another class, published once."""
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


def test_any_word_of_the_source_keeps_its_price_live(streaming: Market) -> None:
    """While the book moves, a quiet last trade is not old."""
    streaming.apply(trade("100", 1))
    streaming.clock.pass_seconds(8)
    streaming.apply(book("99", "101", 1))
    streaming.clock.pass_seconds(8)

    assert [] == streaming.review()


def test_a_stale_price_is_live_again_with_its_next_tick(streaming: Market) -> None:
    """What is heard again is fresh."""
    streaming.trade("100")
    streaming.clock.pass_seconds(60)
    streaming.review()
    streaming.trade("100")

    assert ("binance", LIVE) == streaming.shows()


def test_all_prices_of_a_lost_source_are_stale_at_once(streaming: Market) -> None:
    """Nothing has to grow old first, and each is told."""
    streaming.trade("100")
    streaming.trade("10", symbol="ETH")

    assert [("BTC", "binance", STALE), ("ETH", "binance", STALE)] == streaming.set_health(DOWN)
    assert [] == streaming.set_health(DOWN)


def test_after_a_reconnect_each_price_waits_for_its_own_tick(streaming: Market) -> None:
    """A new connection says nothing about the symbols it has not spoken of."""
    streaming.trade("100")
    streaming.trade("10", symbol="ETH")
    streaming.set_health(DOWN)
    news = streaming.set_health(HEALTHY, connection=2)
    streaming.trade("10", symbol="ETH", connection=2)

    assert [] == news
    assert ("binance", STALE) == streaming.shows("BTC")
    assert ("binance", LIVE) == streaming.shows("ETH")
    streaming.trade("100", connection=2)

    assert ("binance", LIVE) == streaming.shows("BTC")


def test_no_part_of_a_dead_connection_lives_on(streaming: Market) -> None:
    """After a reconnect a book alone revives no price, and a trade no old book."""
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


def test_a_frame_of_an_ended_connection_says_nothing(streaming: Market) -> None:
    """What was still being read when its connection ended comes too late."""
    streaming.set_health(HEALTHY, connection=2)

    assert streaming.apply(trade("100", 10), connection=1) is None
    assert streaming.cache.get("BTC") is None


def test_a_trade_after_a_reconnect_has_no_old_book(streaming: Market) -> None:
    """Where the new connection has not told the book yet, there is none."""
    streaming.apply(trade("100", 10))
    streaming.apply(book("99.9", "100.1", 10))
    streaming.set_health(DOWN)
    streaming.set_health(HEALTHY, connection=2)
    streaming.apply(trade("110", 20), connection=2)
    quote = streaming.cache.get("BTC")

    assert ((None, None), LIVE) == (top(quote), quote.price_class)


def test_a_new_connection_confirms_the_last_trade(streaming: Market) -> None:
    """A summary that names the held trade again makes its price live, without a new trade."""
    streaming.apply(trade("100", 10, "2"))
    held = streaming.cache.get("BTC")
    streaming.set_health(DOWN)
    streaming.clock.pass_seconds(60)
    streaming.set_health(HEALTHY, connection=2)
    streaming.apply(trade("100", 10), connection=2)
    quote = streaming.cache.get("BTC")

    assert (held.trade_id, held.trade_number) == (quote.trade_id, quote.trade_number)
    assert LIVE is quote.price_class


def test_a_replacing_connection_keeps_what_is_live(streaming: Market) -> None:
    """While both connections count, neither the old one's prices nor the new one's are stale."""
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
def test_numbers_that_begin_anew_are_believed_of_every_part(
    streaming: Market, first: Trade | TopOfBook, second: Trade | TopOfBook
) -> None:
    """After an upstream's restart, trade and book go on, whichever of them is heard first."""
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


def test_one_part_may_begin_anew_while_another_goes_on(streaming: Market) -> None:
    """A part whose numbers fell is believed once it is too old, however fresh the others are."""
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


def test_a_share_closes_with_its_exchange_and_opens_stale(market: Market) -> None:
    """After the bell the last price is the close; in the morning it waits for a trade."""
    market.set_health(HEALTHY, "finnhub")
    market.trade("213.30", FINNHUB, "AAPL")
    market.clock.now = datetime(2026, 3, 4, 21, 0, tzinfo=UTC)
    evening = shown(market.review())
    market.set_health(DOWN, "finnhub")
    night = market.shows("AAPL")
    market.clock.now = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)

    assert [("AAPL", "finnhub", CLOSED)] == evening
    assert ("finnhub", CLOSED) == night
    assert [("AAPL", "finnhub", STALE)] == shown(market.review())


def test_the_simulation_does_not_close(market: Market) -> None:
    """The built-in exchange trades at night, and is called simulated then too."""
    market.set_health(HEALTHY, "simulated")
    market.clock.now = datetime(2026, 3, 4, 23, 0, tzinfo=UTC)
    market.trade("213.30", SIMULATED, "AAPL")

    assert ("simulated", PriceClass.SIMULATED) == market.shows("AAPL")


# What is followed


def test_what_is_followed_no_more_is_gone(streaming: Market) -> None:
    """Its record goes, its ticks are ignored, and the others stay."""
    streaming.trade("100")
    eth = streaming.trade("10", symbol="ETH")
    streaming.consolidator.follow([instrument("ETH")])

    assert None is streaming.trade("100")
    assert {} == streaming.consolidator.quotes_by_source("BTC")
    assert eth.last == streaming.consolidator.quotes_by_source("ETH")["binance"].last


def test_what_is_followed_again_begins_anew(streaming: Market) -> None:
    """Nothing old judges the first tick of an instrument that was away."""
    streaming.apply(trade("100", 1000))
    streaming.consolidator.follow([])
    streaming.consolidator.follow([instrument("BTC")])
    quote = streaming.apply(trade("900", 1))

    assert (Decimal(900), LIVE) == (quote.last, quote.price_class)


def test_a_new_instrument_is_followed_beside_the_others(streaming: Market) -> None:
    """Adding one leaves the quotes of the others as they are."""
    btc = streaming.trade("100")
    streaming.consolidator.follow([instrument("BTC"), instrument("DOGE")])
    streaming.trade("0.1", symbol="DOGE")

    assert ("binance", LIVE) == streaming.shows("DOGE")
    assert btc is streaming.cache.get("BTC")


# Threads


def test_threads_make_one_order(streaming: Market, restless: None) -> None:
    """Of four feeds at once, each symbol's quotes are in order and the newest is what is held."""
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
