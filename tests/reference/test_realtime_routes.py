from omcrm.reference.realtime_routes import ROUTES
from tests.gateways.here import Served
from tests.reference.asker import Asker, route_of
from tests.reference.judge import Judge


def test_the_sockets_routes_answer_as_described(here: Served, judge: Judge) -> None:
    """What it is and how it does; fresh prices, which nobody brings here."""
    asker = Asker(here, judge, token=here.token(scopes=("market:read", "prices:update")))
    force = route_of(ROUTES, "POST", "/force_price_update/")

    for route in ROUTES:
        if route.method == "GET":
            asker.done(route)
    assert 400 == asker.ask(force, body={"symbols": ["NOPE"]}).status_code
    assert 400 == asker.ask(force, body={"symbols": []}).status_code
    asker.done(force, body={"symbols": ["BTC"]})
