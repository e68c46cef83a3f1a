"""Running routes answer as the document describes."""

from omcrm.storage.user import Role
from tests.gateways.here import Served
from tests.reference.route_client import RouteClient
from tests.reference.validator import RouteValidator

DESK, MARKET, ALL = "/webtrader", "/api/v1/market", "/api/v1/portfolios"
TOKENS = "/api/v1/tokens"
ONE = f"{ALL}/{{portfolio_id}}"
HOLDINGS = f"{ONE}/holdings"
HOLDING = f"{HOLDINGS}/{{symbol}}"
UPDATE = "/api/realtime/force_price_update/"


def test_health_is_open_to_everybody(here: Served, route_validator: RouteValidator) -> None:
    """Without details."""
    stranger = RouteClient(here, route_validator)

    stranger.done("GET", "/healthz")
    stranger.done("GET", "/readyz")
    assert 401 == stranger.ask("GET", "/api/openapi.json").status_code


def test_tokens_and_tickets(here: Served, route_validator: RouteValidator) -> None:
    """Tokens are listed with a login only; a ticket is issued with either."""
    user = here.create_user()
    token = here.token(user)
    person = RouteClient(here, route_validator, cookie=here.session(user))
    program = RouteClient(here, route_validator, token=token)

    assert 1 == len(person.done("GET", TOKENS)["tokens"])
    assert 403 == program.ask("GET", TOKENS).status_code
    assert 30 == program.done("POST", "/api/v1/ws-ticket")["expires_in"]
    assert 400 == person.ask("POST", TOKENS, body={}).status_code


def test_the_desk(here: Served, route_validator: RouteValidator) -> None:
    """With a login, and refusals."""
    here.price("BTC")
    client = RouteClient(here, route_validator, cookie=here.session(here.create_user()))
    reads = route_validator.reads("Desk")

    assert f"{DESK}/realtime_price/{{symbol}}" in reads
    assert all(client.done("GET", address, symbol="BTC")["success"] for address in reads)
    chart = f"{DESK}/chart_data/{{symbol}}"
    assert 400 == client.ask("GET", chart, "?limit=0", symbol="BTC").status_code
    assert 404 == client.ask("GET", chart, symbol="NOPE").status_code
    assert 400 == client.ask("POST", f"{DESK}/start_realtime_feeds").status_code


def test_an_administrator_sees_more(here: Served, route_validator: RouteValidator) -> None:
    """The status has the feeds and the news."""
    cookie = here.session(here.create_user(Role.ADMIN))
    client = RouteClient(here, route_validator, cookie=cookie)

    assert {"feeds", "news"} <= client.done("GET", f"{DESK}/realtime_status").keys()


def test_market_data(here: Served, route_validator: RouteValidator) -> None:
    """Quotes, news and the state of the feeds, and refusals."""
    here.price("BTC")
    client = RouteClient(here, route_validator, token=here.token())
    quote, quotes, news = f"{MARKET}/quote/{{symbol}}", f"{MARKET}/quotes", "/api/v1/news"
    symbols = {"symbols": ["BTC", "AAPL", "NOPE"]}

    assert "BTC" == client.done("GET", quote, symbol="BTC")["symbol"]
    assert 404 == client.ask("GET", quote, symbol="NOPE").status_code
    assert 2 == len(client.done("POST", quotes, body=symbols)["quotes"])
    assert 400 == client.ask("POST", quotes, body={"symbols": []}).status_code
    client.done("GET", news, "?limit=5&symbol=BTC")
    assert 400 == client.ask("GET", news, "?limit=0").status_code
    client.done("GET", f"{MARKET}/streaming/status")
    assert 403 == client.ask("POST", f"{MARKET}/streaming/stop").status_code


def test_administrators_control_the_feeds(here: Served, route_validator: RouteValidator) -> None:
    """By a token with the scope."""
    token = here.token(here.create_user(Role.ADMIN), scopes=("feeds:control",))
    client = RouteClient(here, route_validator, token=token)

    assert "stopped" == client.done("POST", f"{MARKET}/streaming/stop")["status"]
    assert "started" == client.done("POST", f"{MARKET}/streaming/start")["status"]


def test_the_life_of_a_portfolio(here: Served, route_validator: RouteValidator) -> None:
    """From creation to deletion, with refusals."""
    here.price("BTC")
    token = here.token(scopes=("portfolio:read", "portfolio:write"))
    client = RouteClient(here, route_validator, token=token)
    amount = {"quantity": 0.5, "average_cost": "1000"}
    made = client.done("POST", ALL, body={"name": "Growth"})["portfolio"]
    own = {"portfolio_id": made["id"]}

    assert 409 == client.ask("POST", ALL, body={"name": "Growth"}).status_code
    client.done("POST", HOLDINGS, body={"symbol": "BTC", **amount}, **own)
    wrong = {"symbol": "BTC", "quantity": "much"}
    assert 400 == client.ask("POST", HOLDINGS, body=wrong, **own).status_code
    client.done("PUT", HOLDING, body=amount, symbol="BTC", **own)
    valued = client.done("GET", ONE, **own)["portfolio"]
    assert ["BTC"] == [holding["symbol"] for holding in valued["holdings"]]
    assert 1 == len(client.done("GET", ALL)["portfolios"])
    client.done("PATCH", ONE, body={"name": "Income"}, **own)
    client.done("DELETE", HOLDING, symbol="BTC", **own)
    client.done("DELETE", ONE, **own)
    assert 404 == client.ask("GET", ONE, **own).status_code


def test_beside_the_realtime_socket(here: Served, route_validator: RouteValidator) -> None:
    """Its information and status; fresh prices, for which there is no source here."""
    client = RouteClient(
        here, route_validator, token=here.token(scopes=("market:read", "prices:update"))
    )

    for address in route_validator.reads("Realtime"):
        client.done("GET", address)
    assert 400 == client.ask("POST", UPDATE, body={"symbols": ["NOPE"]}).status_code
    assert 400 == client.ask("POST", UPDATE, body={"symbols": []}).status_code
    client.done("POST", UPDATE, body={"symbols": ["BTC"]})
