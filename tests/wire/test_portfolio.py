from decimal import Decimal

from omcrm.wire.encoding import dumps
from omcrm.wire.portfolio import (
    JsonHolding,
    JsonHoldingAnswer,
    JsonLimits,
    JsonPortfolio,
    JsonPortfolios,
)


def test_a_holding_is_exact() -> None:
    """Numbers keep their digits."""
    holding = JsonHolding(symbol="BTC", quantity=Decimal("0.10"), average_cost=Decimal("61234.5"))

    assert (
        '{"success":true,"holding":{"symbol":"BTC","quantity":0.10,"average_cost":61234.5},'
        '"version":2}'
    ) == dumps(JsonHoldingAnswer(holding=holding, version=2))


def test_portfolios_on_the_wire() -> None:
    """With the limits."""
    at = "2026-03-04T15:00:00.000Z"
    growth = JsonPortfolio(id=7, name="Growth", version=2, created_at=at, updated_at=at, holdings=1)
    limits = JsonLimits(portfolios=20, holdings=200)

    assert (
        '{"success":true,"portfolios":[{"id":7,"name":"Growth","version":2,'
        f'"created_at":"{at}","updated_at":"{at}","holdings":1}}],'
        '"limits":{"portfolios":20,"holdings":200}}'
    ) == dumps(JsonPortfolios(portfolios=[growth], limits=limits))
