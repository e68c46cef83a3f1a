from omcrm.reference.realtime_routes import ROUTES
from tests.gateways.here import Served
from tests.reference.route_client import RouteClient, route_of
from tests.reference.validator import DocumentValidator


def test_the_sockets_routes_answer_as_described(here: Served, validator: DocumentValidator) -> None:
    """Its information and status; fresh prices, for which there is no source here."""
    client = RouteClient(here, validator, token=here.token(scopes=("market:read", "prices:update")))
    update = route_of(ROUTES, "POST", "/force_price_update/")

    for route in ROUTES:
        if route.method == "GET":
            client.done(route)
    assert 400 == client.ask(update, body={"symbols": ["NOPE"]}).status_code
    assert 400 == client.ask(update, body={"symbols": []}).status_code
    client.done(update, body={"symbols": ["BTC"]})
