from tests.portfolio.own import held


def test_a_holding_has_the_symbol_of_its_instrument() -> None:
    """There is no symbol of its own."""
    assert "BTC" == held("BTC").symbol
