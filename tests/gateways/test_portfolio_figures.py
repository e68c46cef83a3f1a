from omcrm.gateways.portfolio_figures import portfolio_update, portfolio_value
from omcrm.portfolio.valuation import value
from omcrm.wire import encoding
from tests.portfolio.own import held, portfolio, priced
from tests.values import START, sent

OWN = portfolio(held("BTC", "0.1", "3"), held("ETH"))
VALUATION = value(OWN, {"BTC": priced("BTC", "61234.57")}, START)


def test_a_portfolio_with_a_holding_without_a_price() -> None:
    """The total is over the others, in cents; the coverage counts."""
    message = encoding.loads(portfolio_update(VALUATION))
    figures = message["data"]

    assert ("portfolio_update", 6123.46, "USD") == (
        message["type"],
        figures["total_value"],
        figures["currency"],
    )
    assert (2, 1, False, {"live": 1}) == (
        figures["coverage"]["holdings"],
        figures["coverage"]["without_value"],
        figures["coverage"]["is_complete"],
        figures["coverage"]["classes"],
    )


def test_the_current_value() -> None:
    """The same total and coverage, with the time of the valuation."""
    now = sent(portfolio_value(VALUATION))["data"]
    figures = encoding.loads(portfolio_update(VALUATION))["data"]

    assert (figures["total_value"], figures["updated_at"]) == (now["value"], now["timestamp"])
    assert figures["coverage"] == now["coverage"]
