from omcrm.exchange.trade import Trade


def test_quote_is_price_times_quantity() -> None:
    """The quote volume of a trade is exact, in 1e-16."""

    assert 6 * 10**16 == Trade(1, 2 * 10**8, 3 * 10**8, 0, True).quote
