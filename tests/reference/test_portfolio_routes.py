from omcrm.reference.portfolio_routes import ROUTES
from tests.gateways.here import Served
from tests.reference.asker import Asker, route_of
from tests.reference.judge import Judge

_ONE = "/portfolios/<int:portfolio_id>"


def test_the_life_of_a_portfolio_is_as_described(here: Served, judge: Judge) -> None:
    """From its name to its end, with what goes wrong on the way."""
    here.price("BTC")
    token = here.token(scopes=("portfolio:read", "portfolio:write"))
    asker = Asker(here, judge, token=token)
    make = route_of(ROUTES, "POST", "/portfolios")
    add = route_of(ROUTES, "POST", "/holdings")
    amount = {"quantity": 0.5, "average_cost": "1000"}

    found = {"portfolio_id": asker.done(make, body={"name": "Growth"})["portfolio"]["id"]}
    assert 409 == asker.ask(make, body={"name": "Growth"}).status_code
    asker.done(add, body={"symbol": "BTC", **amount}, **found)
    assert 400 == asker.ask(add, body={"symbol": "BTC", "quantity": "much"}, **found).status_code
    asker.done(route_of(ROUTES, "PUT", "/<symbol>"), body=amount, symbol="BTC", **found)
    valued = asker.done(route_of(ROUTES, "GET", _ONE), **found)["portfolio"]
    assert ["BTC"] == [holding["symbol"] for holding in valued["holdings"]]
    assert 1 == len(asker.done(route_of(ROUTES, "GET", "/portfolios"))["portfolios"])
    asker.done(route_of(ROUTES, "PATCH", _ONE), body={"name": "Income"}, **found)
    asker.done(route_of(ROUTES, "DELETE", "/<symbol>"), symbol="BTC", **found)
    asker.done(route_of(ROUTES, "DELETE", _ONE), **found)
    assert 404 == asker.ask(route_of(ROUTES, "GET", _ONE), **found).status_code
