import json

import pytest

from omcrm.market.catalogue import CATALOGUE
from simulator import event
from simulator.distortion import Distortion
from simulator.fixed import render
from simulator.listing import Listing
from simulator.model import Model
from simulator.simulated_trade import SimulatedTrade, Top
from simulator.stream_message import StreamMessage

NOON = 1_767_614_400_000


class Market:
    """The market of BTC, with a clock that the test sets."""

    def __init__(self) -> None:
        self.model = Model(next(item for item in CATALOGUE if item.symbol == "BTC"), 7)
        self.model.begin(NOON)
        self.listing = self.model.listing
        self.listings = {self.listing.symbol: self.listing}
        self.time = NOON

    def now(self) -> int:
        return self.time

    def distortion(self, **how: object) -> Distortion:
        return Distortion(self.listings, self.now, **how)


@pytest.fixture
def market() -> Market:
    return Market()


def last_of(listing: Listing) -> SimulatedTrade:
    assert listing.last is not None
    return listing.last


def top_of(listing: Listing) -> Top:
    assert listing.top is not None
    return listing.top


def test_all_prices_are_off_by_the_factor(market: Market) -> None:
    """The last price, bid and ask, and the figures of the day, in whole price steps."""
    real, shown = market.listing, market.distortion(factor=1.1).listings["BTCUSDT"]
    real_day, day = real.day(NOON), shown.day(NOON)
    assert real_day is not None
    assert day is not None
    pairs = [
        (last_of(real).price, last_of(shown).price),
        (top_of(real).bid, top_of(shown).bid),
        (top_of(real).ask, top_of(shown).ask),
        (real_day.bar.high, day.bar.high),
        (real.bars("1m")[-1].close, shown.bars("1m")[-1].close),
        (last_of(real).price, day.last.price),
    ]

    for market_price, price in pairs:
        assert 1.1 * market_price == pytest.approx(price, rel=0.001)
        assert 0 == price % real.tick
    assert last_of(real).id == last_of(shown).id
    assert (real.symbol, real.book) == (shown.symbol, shown.book)


def test_messages_are_off_as_well(market: Market) -> None:
    """Trades, books and tickers; any other message passes unchanged."""
    distortion, listing = market.distortion(factor=2), market.listing
    day = listing.day(NOON)
    assert day is not None
    trade, top = last_of(listing), top_of(listing)
    messages = {
        "trade": event.trade("BTCUSDT", trade, NOON),
        "bookTicker": event.book_ticker("BTCUSDT", top),
        "ticker": event.ticker(listing, day, NOON),
        "depth": event.depth_snapshot(listing, 5),
    }
    shown = {
        kind: distortion.message(StreamMessage(f"btcusdt@{kind}", payload)).payload
        for kind, payload in messages.items()
    }

    assert render(2 * trade.price) == json.loads(shown["trade"])["p"]
    assert render(2 * top.bid) == json.loads(shown["bookTicker"])["b"]
    assert render(2 * trade.price) == json.loads(shown["ticker"])["c"]
    assert messages["depth"] == shown["depth"]


def test_a_drift_grows_with_the_market_s_time(market: Market) -> None:
    """From nothing at the beginning."""
    distortion, price = market.distortion(a_second=0.01), last_of(market.listing).price
    at_once = distortion.price(market.listing, price)
    market.time += 20_000

    assert price == at_once
    assert 1.2 * price == pytest.approx(distortion.price(market.listing, price), rel=0.001)


def test_frozen_prices_stay_while_ids_go_on(market: Market) -> None:
    """Whatever the market does meanwhile."""
    listings = market.distortion(is_frozen=True).listings
    before = listings["BTCUSDT"]
    for _ in range(200):
        market.time += 500
        market.model.step(market.time)
    after = listings["BTCUSDT"]

    assert last_of(before).price == last_of(after).price != last_of(market.listing).price
    assert (top_of(before).bid, top_of(before).ask) == (top_of(after).bid, top_of(after).ask)
    assert last_of(before).id < last_of(after).id
    assert top_of(before).update_id < top_of(after).update_id


def test_the_listings_are_those_of_the_market(market: Market) -> None:
    """No more and no fewer, under the same names."""
    listings = market.distortion(factor=2).listings

    assert ["BTCUSDT"] == list(listings)
    assert 1 == len(listings)
    assert listings.get("NOSUCH") is None
