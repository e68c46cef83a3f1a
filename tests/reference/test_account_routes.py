from omcrm.reference.account_routes import ROUTES
from tests.gateways.here import Served
from tests.reference.route_client import RouteClient, route_of
from tests.reference.validator import DocumentValidator


def test_tokens_and_tickets_are_as_described(here: Served, validator: DocumentValidator) -> None:
    """Tokens are listed with a login only; a ticket is issued with either."""
    user = here.create_user()
    token = here.token(user)
    person = RouteClient(here, validator, cookie=here.session(user))
    program = RouteClient(here, validator, token=token)
    tokens = route_of(ROUTES, "GET", "/tokens")

    assert 1 == len(person.done(tokens)["tokens"])
    assert 403 == program.ask(tokens).status_code
    assert 30 == program.done(route_of(ROUTES, "POST", "/ws-ticket"))["expires_in"]
    assert 400 == person.ask(route_of(ROUTES, "POST", "/tokens"), body={}).status_code


def test_health_is_open_to_everybody(here: Served, validator: DocumentValidator) -> None:
    """Without details."""
    stranger = RouteClient(here, validator)

    stranger.done(route_of(ROUTES, "GET", "/healthz"))
    stranger.done(route_of(ROUTES, "GET", "/readyz"))
    assert 401 == stranger.ask(route_of(ROUTES, "GET", "/openapi.json")).status_code
