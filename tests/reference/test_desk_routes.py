from omcrm.reference.desk_routes import ROUTES
from omcrm.storage.user import Role
from tests.gateways.here import Served
from tests.reference.route_client import RouteClient, route_of
from tests.reference.validator import DocumentValidator


def test_the_desk_answers_as_described(here: Served, validator: DocumentValidator) -> None:
    """With a login, and refusals."""
    here.price("BTC")
    client = RouteClient(here, validator, cookie=here.session(here.create_user()))

    for route in ROUTES:
        if route.method == "GET":
            assert client.done(route, symbol="BTC")["success"]
    chart = route_of(ROUTES, "GET", "/chart_data/<symbol>")
    assert 400 == client.ask(chart, "?limit=0", symbol="BTC").status_code
    assert 404 == client.ask(chart, symbol="NOPE").status_code
    start = route_of(ROUTES, "POST", "/start_realtime_feeds")
    assert 400 == client.ask(start).status_code


def test_an_administrator_sees_more(here: Served, validator: DocumentValidator) -> None:
    """The status has the feeds and the news."""
    cookie = here.session(here.create_user(Role.ADMIN))
    client = RouteClient(here, validator, cookie=cookie)

    status = client.done(route_of(ROUTES, "GET", "/realtime_status"))
    assert {"feeds", "news"} <= status.keys()
