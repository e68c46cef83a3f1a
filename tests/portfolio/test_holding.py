from decimal import Decimal

from tests.portfolio.own import held, portfolio


def test_quantities_are_told_by_symbol() -> None:
    """Who only asks how much is held needs no instrument."""
    own = portfolio(held("BTC", "0.25"), held("AAPL", "3"))

    assert {"BTC": Decimal("0.25"), "AAPL": Decimal(3)} == own.quantities


def test_a_holding_is_called_as_its_instrument() -> None:
    """The symbol is the instrument's."""
    assert "BTC" == held("BTC").symbol
