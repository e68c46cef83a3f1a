from omcrm.reference.account_routes import ROUTES
from tests.gateways.here import Served
from tests.reference.asker import Asker, route_of
from tests.reference.judge import Judge


def test_tokens_and_tickets_are_as_described(here: Served, judge: Judge) -> None:
    """Tokens are seen with a log-in only; a ticket can be had with either."""
    user = here.create_user()
    token = here.token(user)
    person = Asker(here, judge, cookie=here.session(user))
    program = Asker(here, judge, token=token)
    tokens = route_of(ROUTES, "GET", "/tokens")

    assert 1 == len(person.done(tokens)["tokens"])
    assert 403 == program.ask(tokens).status_code
    assert 30 == program.done(route_of(ROUTES, "POST", "/ws-ticket"))["expires_in"]
    assert 400 == person.ask(route_of(ROUTES, "POST", "/tokens"), body={}).status_code


def test_health_is_open_to_everybody(here: Served, judge: Judge) -> None:
    """And says little."""
    stranger = Asker(here, judge)

    stranger.done(route_of(ROUTES, "GET", "/healthz"))
    stranger.done(route_of(ROUTES, "GET", "/readyz"))
    assert 401 == stranger.ask(route_of(ROUTES, "GET", "/openapi.json")).status_code
