from simulator.distortion import Distortion
from simulator.fault_settings import FaultSettings
from simulator.shown_market import ShownMarket
from simulator.simulation import Simulation
from simulator.stream_subscriptions import StreamSubscriptions


def test_without_a_fault_it_is_the_market_itself() -> None:
    """The same listings, the same time."""
    market = Simulation(7, StreamSubscriptions())
    shown = ShownMarket(market, FaultSettings())

    assert shown.listings is market.listings
    assert abs(shown.now() - market.now()) < 300_000


def test_a_distortion_is_shown_while_it_lasts() -> None:
    """To this provider alone: the market keeps its prices."""
    market = Simulation(7, StreamSubscriptions())
    for model in market.models.values():
        model.begin(market.now())
    faults = FaultSettings()
    shown = ShownMarket(market, faults)
    before = shown.listings["BTCUSDT"].last
    faults.distortion = Distortion(market.listings, market.now, factor=2.0)
    during = shown.listings["BTCUSDT"].last
    faults.distortion = None

    assert before
    assert during
    assert 2 * before.price == during.price
    assert before == shown.listings["BTCUSDT"].last
