from simulator.simulated_trade import SimulatedTrade


def test_quote_is_price_times_quantity() -> None:
    """The quote volume of a trade is exact, in 1e-16."""

    assert 6 * 10**16 == SimulatedTrade(1, 2 * 10**8, 3 * 10**8, 0, True).quote
