from omcrm.reference.market_routes import ROUTES
from omcrm.storage.user import Role
from tests.gateways.here import Served
from tests.reference.asker import Asker, route_of
from tests.reference.judge import Judge


def test_programs_are_answered_as_described(here: Served, judge: Judge) -> None:
    """Quotes, news and the state of the feeds, and refusals."""
    here.price("BTC")
    asker = Asker(here, judge, token=here.token())
    quote = route_of(ROUTES, "GET", "/quote/<symbol>")
    quotes = route_of(ROUTES, "POST", "/quotes")
    news = route_of(ROUTES, "GET", "/news")

    assert "BTC" == asker.done(quote, symbol="BTC")["symbol"]
    assert 404 == asker.ask(quote, symbol="NOPE").status_code
    assert 2 == len(asker.done(quotes, body={"symbols": ["BTC", "AAPL", "NOPE"]})["quotes"])
    assert 400 == asker.ask(quotes, body={"symbols": []}).status_code
    asker.done(news, "?limit=5&symbol=BTC")
    assert 400 == asker.ask(news, "?limit=0").status_code
    asker.done(route_of(ROUTES, "GET", "/streaming/status"))
    assert 403 == asker.ask(route_of(ROUTES, "POST", "/streaming/stop")).status_code


def test_administrators_control_the_feeds(here: Served, judge: Judge) -> None:
    """By a token that was made for it."""
    token = here.token(here.create_user(Role.ADMIN), scopes=("feeds:control",))
    asker = Asker(here, judge, token=token)

    assert "stopped" == asker.done(route_of(ROUTES, "POST", "/streaming/stop"))["status"]
    assert "started" == asker.done(route_of(ROUTES, "POST", "/streaming/start"))["status"]
