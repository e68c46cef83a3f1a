"""Which origins may open a raw WebSocket, with which credentials."""

import itertools

import pytest

from omcrm.gateways.registry import DIALECTS
from tests.gateways.conftest import FEED
from tests.gateways.enveloped import REALTIME, Enveloped, hold
from tests.gateways.here import OURS, Make, Served
from tests.streaming.raw_client import CLOSE, TEXT, RawClient, text, upgrade

ALLOWED = "https://app.example.com"
ORIGINS = {
    "own": OURS,
    "allowed": f"Origin: {ALLOWED}",
    "foreign": "Origin: https://evil.example",
    "null": "Origin: null",
}
PATHS = [dialect.channel.path.replace("{symbol}", "BTC") for dialect in DIALECTS]


def got_in(here: Served, path: str, *headers: str) -> bool:
    """Whether the handshake succeeds and the WebSocket is not closed at once."""
    with RawClient.connect(here.port) as client:
        client.send(upgrade(path, *headers))
        if client.read_head() != 101:
            return False
        if path != FEED:
            return True
        # This dialect upgrades and then closes; otherwise it sends nothing before a message.
        client.send(text('{"action":"ping"}'))
        while (answer := client.read()).opcode not in (TEXT, CLOSE):
            pass
        return answer.opcode == TEXT


@pytest.mark.parametrize("secured", [True, False])
def test_origins_and_credentials(serve: Make, secured: bool) -> None:
    """A token from any origin, a cookie from our own pages; anyone without security."""
    here = serve(
        ALLOWED_ORIGINS=ALLOWED, USE_SECURITY=str(secured), MAX_CONNECTIONS_PER_USER="10000"
    )
    user = here.create_user()
    credentials = {
        "cookie": (here.session(user),),
        "token": (f"x-api-key: {here.token(user)}",),
        "none": (),
    }
    table = {
        (path, origin, credential): got_in(here, path, ORIGINS[origin], *credentials[credential])
        for path, origin, credential in itertools.product(PATHS, ORIGINS, credentials)
    }

    for (path, origin, credential), is_in in table.items():
        by_itself = credential == "token" or (credential == "cookie" and origin == "own")
        assert (by_itself or not secured) is is_in, (path, origin, credential)


@pytest.mark.parametrize("origin", ["allowed", "foreign", "null"])
def test_a_cookie_from_another_site_has_no_rights(serve: Make, origin: str) -> None:
    """Without security such a page is anonymous: it gets prices, and no portfolio."""
    here = serve(ALLOWED_ORIGINS=ALLOWED, USE_SECURITY="false")
    user = here.create_user()
    portfolio = hold(here, user, BTC="1")
    with Enveloped.open(here.port, REALTIME, ORIGINS[origin], here.session(user)) as page:
        greeting = page.receive_data("connection")
        confirmed, _ = page.answer("subscribe_asset", symbol="BTC")
        refused, _ = page.answer("subscribe_portfolio", portfolio_id=portfolio)

    assert (False, None) == (greeting["authenticated"], greeting["user_id"])
    assert ("subscription_confirmed", "error") == (confirmed, refused)


def test_an_allowed_page_has_the_rights_of_its_token(serve: Make) -> None:
    """With the token in the query, as browsers must send it."""
    here = serve(ALLOWED_ORIGINS=ALLOWED)
    user = here.create_user()
    token = here.token(user, ("market:read", "portfolio:read"))
    portfolio = hold(here, user, BTC="1")
    with Enveloped.open(here.port, f"{REALTIME}?token={token}", ORIGINS["allowed"]) as page:
        assert user == page.receive_data("connection")["user_id"]
        assert (
            "subscription_confirmed"
            == page.answer("subscribe_portfolio", portfolio_id=portfolio)[0]
        )
