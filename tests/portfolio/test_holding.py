from decimal import Decimal

from tests.portfolio.own import held, portfolio


def test_quantities_by_symbol() -> None:
    """They are available without the instruments."""
    own = portfolio(held("BTC", "0.25"), held("AAPL", "3"))

    assert {"BTC": Decimal("0.25"), "AAPL": Decimal(3)} == own.quantities


def test_a_holding_has_the_symbol_of_its_instrument() -> None:
    """There is no symbol of its own."""
    assert "BTC" == held("BTC").symbol
