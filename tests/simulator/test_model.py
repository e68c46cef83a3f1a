import itertools

import pytest

from omcrm.market.catalogue import CATALOGUE
from omcrm.market.instrument import Instrument
from simulator.fixed import from_decimal
from simulator.model import Model

NOW = 1_770_000_012_345
INSTRUMENTS = {item.symbol: item for item in CATALOGUE}


def opened(instrument: Instrument, seed: int = 1, now: int = NOW) -> Model:
    """A model that has begun."""
    model = Model(instrument, seed)
    model.begin(now)
    return model


def path(seed: int, now: int = NOW) -> list[tuple[float, int | None, int, int]]:
    """Waits, trade prices, bids and asks of fifty steps."""
    model = opened(INSTRUMENTS["BTC"], seed, now)
    steps = []
    for _ in range(50):
        wait, step = model.wait(), model.step(now)
        steps.append((wait, step.trade.price if step.trade else None, step.top.bid, step.top.ask))
    return steps


def test_the_same_seed_gives_the_same_path() -> None:
    """Prices and gaps depend on the seed and not on the clock."""

    assert path(1) == path(1, NOW + 86_400_000)
    assert path(1) != path(2)


@pytest.mark.parametrize("instrument", CATALOGUE, ids=lambda item: item.symbol)
def test_every_instrument_trades_sensibly(instrument: Instrument) -> None:
    """It starts at its price, bid stays below ask, trades happen at one of them, ids grow."""
    model = opened(instrument)
    listing = model.listing
    start = from_decimal(instrument.last_resort_price or 0)
    assert listing.last is not None
    first, before, last_id, update_id = listing.last, listing.top, 0, 0
    assert first.price == pytest.approx(start, rel=0.002)
    for _ in range(200):
        step = model.step(NOW)
        assert before is not None
        assert 0 < step.top.bid < step.top.ask
        assert 0 == step.top.bid % listing.tick == step.top.ask % listing.tick
        assert update_id < step.top.update_id
        if step.trade:
            assert step.trade.price in {before.bid, before.ask}
            assert step.trade.buyer_is_maker is (step.trade.price == before.bid)
            assert last_id < step.trade.id
            last_id = step.trade.id
        bids, asks = listing.book.levels(5)
        assert (step.top.bid, step.top.bid_quantity) == bids[0]
        assert (step.top.ask, step.top.ask_quantity) == asks[0]
        assert 5 == len(bids) == len(asks)
        before, update_id = step.top, step.top.update_id

    assert listing.last.price == pytest.approx(start, rel=0.02)


def test_ids_grow_across_restarts() -> None:
    """A process started later continues above every id of the earlier one."""
    model = opened(INSTRUMENTS["BTC"])
    for second in range(60):
        for _ in range(4):
            model.step(NOW + second * 1000)
    restarted = opened(INSTRUMENTS["BTC"], 1, NOW + 60_000)

    assert model.listing.last is not None
    assert model.listing.last.id < restarted.take_trade_id()
    assert model.listing.book.update_id < restarted.take_update_id()


def test_the_day_before_is_there() -> None:
    """At the start there are 24 h figures and minutes without a hole."""
    listing = opened(INSTRUMENTS["ETH"]).listing
    day = listing.day(NOW)
    minutes = list(listing.history.minutes())

    assert day is not None
    assert day.bar.low <= day.bar.open <= day.bar.high
    assert day.bar.count == day.bar.last_id - day.bar.first_id + 1
    assert {60_000} == {b.time - a.time for a, b in itertools.pairwise(minutes)}
    assert 1440 == len(minutes)


def test_traffic_is_modest() -> None:
    """A symbol makes one or two trades a second and a few more quotes."""
    model = opened(INSTRUMENTS["BTC"])
    seconds, trades = 0.0, 0
    for _ in range(2000):
        seconds += model.wait()
        trades += model.step(NOW).trade is not None

    assert 1 < trades / seconds < 2
    assert 2 < 2000 / seconds < 3


def test_a_market_that_swings_turns_round_every_minute() -> None:
    """It rises for one and falls for the next, by far more than it moves by chance."""
    model = Model(INSTRUMENTS["BTC"], 1, swings=True)
    begun = NOW // 120_000 * 120_000
    model.begin(begun)
    prices = [model.step(begun + 400 * number).top.bid for number in range(301)]

    assert prices[150] > 1.05 * prices[0]
    assert prices[300] < 0.95 * prices[150]
