from omcrm.reference.market_routes import ROUTES
from omcrm.storage.user import Role
from tests.gateways.here import Served
from tests.reference.route_client import RouteClient, route_of
from tests.reference.validator import DocumentValidator


def test_programs_are_answered_as_described(here: Served, validator: DocumentValidator) -> None:
    """Quotes, news and the state of the feeds, and refusals."""
    here.price("BTC")
    client = RouteClient(here, validator, token=here.token())
    quote = route_of(ROUTES, "GET", "/quote/<symbol>")
    quotes = route_of(ROUTES, "POST", "/quotes")
    news = route_of(ROUTES, "GET", "/news")

    assert "BTC" == client.done(quote, symbol="BTC")["symbol"]
    assert 404 == client.ask(quote, symbol="NOPE").status_code
    assert 2 == len(client.done(quotes, body={"symbols": ["BTC", "AAPL", "NOPE"]})["quotes"])
    assert 400 == client.ask(quotes, body={"symbols": []}).status_code
    client.done(news, "?limit=5&symbol=BTC")
    assert 400 == client.ask(news, "?limit=0").status_code
    client.done(route_of(ROUTES, "GET", "/streaming/status"))
    assert 403 == client.ask(route_of(ROUTES, "POST", "/streaming/stop")).status_code


def test_administrators_control_the_feeds(here: Served, validator: DocumentValidator) -> None:
    """By a token with the scope."""
    token = here.token(here.create_user(Role.ADMIN), scopes=("feeds:control",))
    client = RouteClient(here, validator, token=token)

    assert "stopped" == client.done(route_of(ROUTES, "POST", "/streaming/stop"))["status"]
    assert "started" == client.done(route_of(ROUTES, "POST", "/streaming/start"))["status"]
