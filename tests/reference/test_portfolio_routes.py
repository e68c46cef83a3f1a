from omcrm.reference.portfolio_routes import ROUTES
from tests.gateways.here import Served
from tests.reference.route_client import RouteClient, route_of
from tests.reference.validator import DocumentValidator

_ONE = "/portfolios/<int:portfolio_id>"


def test_the_life_of_a_portfolio_is_as_described(
    here: Served, validator: DocumentValidator
) -> None:
    """From creation to deletion, with refusals."""
    here.price("BTC")
    token = here.token(scopes=("portfolio:read", "portfolio:write"))
    client = RouteClient(here, validator, token=token)
    make = route_of(ROUTES, "POST", "/portfolios")
    add = route_of(ROUTES, "POST", "/holdings")
    amount = {"quantity": 0.5, "average_cost": "1000"}

    own = {"portfolio_id": client.done(make, body={"name": "Growth"})["portfolio"]["id"]}
    assert 409 == client.ask(make, body={"name": "Growth"}).status_code
    client.done(add, body={"symbol": "BTC", **amount}, **own)
    assert 400 == client.ask(add, body={"symbol": "BTC", "quantity": "much"}, **own).status_code
    client.done(route_of(ROUTES, "PUT", "/<symbol>"), body=amount, symbol="BTC", **own)
    valued = client.done(route_of(ROUTES, "GET", _ONE), **own)["portfolio"]
    assert ["BTC"] == [holding["symbol"] for holding in valued["holdings"]]
    assert 1 == len(client.done(route_of(ROUTES, "GET", "/portfolios"))["portfolios"])
    client.done(route_of(ROUTES, "PATCH", _ONE), body={"name": "Income"}, **own)
    client.done(route_of(ROUTES, "DELETE", "/<symbol>"), symbol="BTC", **own)
    client.done(route_of(ROUTES, "DELETE", _ONE), **own)
    assert 404 == client.ask(route_of(ROUTES, "GET", _ONE), **own).status_code
