"""Handshakes and limits of raw WebSockets of any dialect, over real sockets.

Long for a reason: every refusal that the manual lists is here.
"""

import json
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import update

from omcrm.auth.credential import Caller
from omcrm.auth.login import hash_token
from omcrm.auth.permission import PERMISSIONS
from omcrm.auth.ticket import issue
from omcrm.extensions import db
from omcrm.services import SERVICES, services_of
from omcrm.storage.api_token import ApiToken
from omcrm.storage.user import Role
from omcrm.streaming.client_registry import by_user
from omcrm.wire.client_counts import UserClients
from tests.gateways.conftest import FEED
from tests.gateways.here import OURS, JsonPeer, Make, Served
from tests.processes import PATIENCE, wait_for
from tests.streaming.raw_client import BINARY, CLOSE, RawClient, frame, text, upgrade
from tests.threads import Threads

PING = {"action": "ping"}


def end_of(here: Served, *headers: str, query: str = "") -> tuple[int | None, str]:
    """The code and reason of a connection that is upgraded only to be closed."""
    with JsonPeer.open(here.port, FEED + query, *headers) as peer:
        return peer.end()


def is_authenticated(here: Served, *headers: str, query: str = "") -> bool:
    with JsonPeer.open(here.port, FEED + query, *headers) as peer:
        return "pong" == peer.ask(PING)["type"]


# Credentials


def test_every_credential_opens_it(here: Served) -> None:
    """A session with and without our own origin, and a token in each of its three places."""
    user = here.create_user()
    token = here.token(user)

    assert is_authenticated(here, here.session(user), OURS)
    assert is_authenticated(here, here.session(user))
    assert is_authenticated(here, f"Authorization: Bearer {token}")
    assert is_authenticated(here, f"x-api-key: {token}")
    assert is_authenticated(here, query=f"?token={token}")


def test_a_ticket_opens_one_connection(here: Served) -> None:
    """A used ticket is refused."""
    user = here.create_user()
    handle = "token:" + hash_token(here.token(user))
    with here.app.app_context():
        caller = Caller(user, Role.CLIENT, PERMISSIONS[Role.CLIENT], handle)
        ticket = issue(caller, datetime.now(UTC))

    assert is_authenticated(here, query=f"?ticket={ticket}")
    assert (1008, "Authentication failed") == end_of(here, query=f"?ticket={ticket}")


def test_no_credential_or_a_bad_one(here: Served) -> None:
    """Clients of this dialect read the reason of the close."""
    expired = here.token(lifetime=timedelta(seconds=-1))
    required, failed = "Authentication token required", "Authentication failed"

    assert (1008, required) == end_of(here)
    assert (1008, required) == end_of(here, "Cookie: omcrm_session=nonsense")
    assert (1008, failed) == end_of(here, query="?token=wrong")
    assert (1008, failed) == end_of(here, query=f"?token={expired}")
    assert (1008, failed) == end_of(here, "Authorization: Bearer wrong")
    refused = {"AUTHENTICATION_REQUIRED": 2, "AUTHENTICATION_FAILED": 3}
    assert refused == here.registry.counts().refused
    assert 0 == here.registry.counts().connections


def test_other_dialects_refuse_in_http(serve: Make, ticker: str) -> None:
    """With the header WWW-Authenticate, before the upgrade."""
    here = serve()
    with RawClient.connect(here.port) as client:
        client.send(upgrade(ticker))
        status, header = client.read_head(), client.header("WWW-Authenticate")

    assert (401, "Bearer") == (status, header)
    status, body = here.status(ticker, "x-api-key: wrong")
    error = {"code": "AUTHENTICATION_FAILED", "message": "Authentication failed"}
    assert (401, {"success": False, "error": error}) == (status, body)


def test_a_page_on_another_site(here: Served) -> None:
    """Its cookie is refused, because browsers send it for any page; its token is accepted."""
    user = here.create_user()
    status, body = here.status(FEED, here.session(user), "Origin: https://evil.example")

    assert (403, "FORBIDDEN_ORIGIN") == (status, body["error"]["code"])
    token = f"?token={here.token(user)}"
    assert is_authenticated(here, "Origin: https://evil.example", query=token)


def test_a_token_without_the_scope(here: Served) -> None:
    """The missing scope is named."""
    token = here.token(scopes=("portfolio:read",))
    status, body = here.status(FEED, f"x-api-key: {token}")

    assert 403 == status
    assert {
        "code": "INSUFFICIENT_SCOPE",
        "message": "This needs a token with the scope market:read.",
    } == body["error"]


def test_without_security_anonymous_clients_are_accepted(serve: Make) -> None:
    """From any origin; but a wrong token is refused."""
    here = serve(USE_SECURITY="false")

    assert is_authenticated(here)
    assert is_authenticated(here, OURS)
    assert is_authenticated(here, "Origin: https://elsewhere.example")
    assert (1008, "Authentication failed") == end_of(here, query="?token=wrong")


def test_too_many_wrong_tokens_are_429(serve: Make) -> None:
    """With Retry-After, also in a dialect that refuses by a close."""
    here = serve(LOGIN_FAILURES_PER_MINUTE="2")
    for _ in range(2):
        end_of(here, query="?token=wrong")
    with RawClient.connect(here.port) as client:
        client.send(upgrade(f"{FEED}?token=wrong"))
        status, wait = client.read_head(), client.header("Retry-After")

    assert 429 == status
    assert 0 < int(wait or 0) <= 60


# The limit of connections


def test_the_sixth_connection_is_refused(here: Served) -> None:
    """With any credential; another user is accepted, and so is the same one after a close."""
    user = here.create_user()
    token, session = here.token(user), here.session(user)
    with ExitStack() as stack:
        peers = [stack.enter_context(here.connect(FEED, token)) for _ in range(5)]
        status, body = here.status(FEED, session)

        assert (429, "LIMIT_EXCEEDED") == (status, body["error"]["code"])
        assert "too many connections (5): close one first" == body["error"]["message"]
        assert is_authenticated(here, f"x-api-key: {here.token()}")

        peers[0].raw.sock.close()
        wait_for(lambda: 4 == len(here.registry.clients(user)), 5)
        assert is_authenticated(here, session)


def test_anonymous_clients_are_counted_by_address(serve: Make) -> None:
    """Users at the same address are not counted with them."""
    here = serve(USE_SECURITY="false", MAX_CONNECTIONS_PER_USER="2")
    with JsonPeer.open(here.port, FEED), JsonPeer.open(here.port, FEED):
        assert 429 == here.status(FEED)[0]
        assert is_authenticated(here, f"x-api-key: {here.token()}")
        strangers = [UserClients(user_id=None, connections=2, subscriptions=0)]
        wait_for(lambda: strangers == by_user(here.registry.clients()), 5)


def test_behind_a_trusted_proxy_the_address_is_the_clients(serve: Make) -> None:
    """Without a trusted proxy the header is ignored."""
    for trusted, status in (("1", 101), ("0", 429)):
        here = serve(USE_SECURITY="false", MAX_CONNECTIONS_PER_USER="1", TRUSTED_PROXIES=trusted)
        with (
            JsonPeer.open(here.port, FEED, "X-Forwarded-For: 192.0.2.1"),
            RawClient.connect(here.port) as other,
        ):
            other.send(upgrade(FEED, "X-Forwarded-For: 192.0.2.2"))
            assert status == other.read_head()


# Other requests


def test_a_plain_request(here: Served) -> None:
    """The answer is 426 with an explanation."""
    answer = requests.get(f"{here.base}{FEED}", timeout=PATIENCE)

    assert 426 == answer.status_code
    assert "websocket" == answer.headers["Upgrade"]
    assert "This address speaks WebSocket: connect with a WebSocket client.\n" == answer.text
    assert 426 == requests.get(f"{here.base}{FEED}/", timeout=PATIENCE).status_code
    assert 404 == requests.post(f"{here.base}{FEED}", timeout=PATIENCE).status_code
    assert 404 == requests.get(f"{here.base}{FEED}/more", timeout=PATIENCE).status_code


def test_a_page_at_the_same_path_comes_first(serve: Make, ticker: str) -> None:
    """A WebSocket and a page may share a path."""
    here = serve()
    here.app.add_url_rule("/ws/ticker/<greeting>", view_func=lambda greeting: "a page")

    assert "a page" == requests.get(f"{here.base}{ticker}", timeout=PATIENCE).text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (("Sec-WebSocket-Version: 8",), 400),
        (("Sec-WebSocket-Key: c2hvcnQ=",), 400),
    ],
)
def test_an_invalid_handshake(here: Served, headers: tuple[str, ...], status: int) -> None:
    """It is refused before the credential is read."""
    assert status == here.status(FEED, *headers)[0]
    assert {"handshake": 1} == here.registry.counts().refused


def test_other_paths_go_to_the_app(here: Served) -> None:
    """Also with an upgrade, and with bytes that are not UTF-8."""
    assert 404 == here.status("/ws/market/feeds")[0]
    assert 404 == here.status("/%ff")[0]


def test_the_path_may_end_with_a_slash(here: Served) -> None:
    """Clients use either form."""
    with here.connect(f"{FEED}/") as peer:
        assert "pong" == peer.ask(PING)["type"]


def test_a_message_behind_the_handshake_is_handled(here: Served) -> None:
    """A client need not wait for the answer."""
    with here.connect(FEED, behind=text(json.dumps(PING))) as peer:
        assert "pong" == peer.receive()["type"]


def test_a_failure_of_identification_is_503(here: Served) -> None:
    """The answer has no traceback."""
    token = here.token()
    here.app.extensions[SERVICES] = replace(services_of(here.app), settings=None)

    status, body = here.status(FEED, f"x-api-key: {token}")
    assert (503, "UNAVAILABLE") == (status, body["error"]["code"])


def test_a_server_that_keeps_its_sockets_is_501(here: Served) -> None:
    """Where the socket cannot be detached nobody is registered."""
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
        "x-api-key": here.token(),
    }
    answer = here.app.test_client().get(FEED, headers=headers)

    assert (501, "NO_WEBSOCKET") == (answer.status_code, answer.json["error"]["code"])
    assert not here.registry


# Limits of messages


def test_a_binary_message(here: Served) -> None:
    """It is answered with this dialect's error, and the connection stays open."""
    with here.connect(FEED) as peer:
        peer.raw.send(frame(BINARY, b"\xff\x00"))

        assert ("error", "TEXT_ONLY") == (peer.receive()["type"], peer.received[-1]["code"])
        assert "pong" == peer.ask(PING)["type"]


def test_a_message_that_is_too_large(here: Served) -> None:
    """16 KiB are accepted, 17 are not."""
    with here.connect(FEED) as peer:
        fits = json.dumps({**PING, "more": "x" * (16 * 1024 - 40)})
        assert "pong" == peer.ask(fits)["type"]
        peer.send("x" * 17 * 1024)
        assert 1009 == peer.end()[0]


class StoppedClock:
    """Replaces `time` in the rate limits: it moves only when the test sets it."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    """Stops the clock of the rate limits."""
    clock = StoppedClock()
    monkeypatch.setattr("omcrm.gateways.client_connection.time", clock)
    return clock


@pytest.mark.usefixtures("clock")
def test_too_many_messages(here: Served) -> None:
    """A burst of forty is answered; those beyond it are refused until the connection is closed."""
    with here.connect(FEED) as peer:
        peer.send(*[PING] * 60)
        answers = [peer.receive() for _ in range(50)]
        end = peer.end()

    pongs = sum(answer["type"] == "pong" for answer in answers)
    errors = [answer["code"] for answer in answers if answer["type"] == "error"]
    assert 40 == pongs
    assert {"RATE_LIMITED"} == set(errors)
    assert (1008, "too many bad messages") == end


def test_twenty_one_a_second_beyond_the_burst(here: Served, clock: StoppedClock) -> None:
    """Twenty a second are answered, one is not."""
    with here.connect(FEED) as peer:
        peer.send(*[PING] * 40)
        for _ in range(40):
            assert "pong" == peer.receive()["type"]
        codes = []
        for _ in range(21):
            clock.now += 1 / 21
            codes.append(peer.ask(PING).get("code"))

    assert 1 <= codes.count("RATE_LIMITED") <= 2


@pytest.mark.usefixtures("clock")
def test_ten_bad_messages(here: Served) -> None:
    """The tenth within ten seconds closes; valid ones in between do not count."""
    with here.connect(FEED) as peer:
        for _ in range(9):
            assert "INVALID_JSON" == peer.ask("{")["code"]
            assert "pong" == peer.ask(PING)["type"]
        assert "INVALID_JSON" == peer.ask("{")["code"]

        assert (1008, "too many bad messages") == peer.end()


@pytest.mark.usefixtures("clock")
def test_messages_after_our_close_are_ignored(here: Served) -> None:
    """The message after the tenth bad one is not handled."""
    with here.connect(FEED) as peer:
        peer.send(*["{"] * 10, {"action": "subscribe", "symbols": ["BTC"]})
        peer.end()

    wait_for(lambda: 0 == here.registry.counts().connections, 5)
    assert 10 == here.registry.counts().dialects["market_feed"]["messages_in"]


def test_a_silent_client(serve: Make) -> None:
    """A client that does not answer pings is closed after the timeout."""
    here = serve(WEBSOCKET_TIMEOUT="1")
    began = time.monotonic()
    with here.connect(FEED) as peer:
        end = peer.end()

    assert (1008, "nothing heard for too long") == end
    assert 0.9 <= time.monotonic() - began


# The end of connections


def test_a_revoked_token_closes_its_connections(here: Served) -> None:
    """Within five seconds, and no others."""
    user = here.create_user()
    with (
        here.connect(FEED, here.token(user)) as dying,
        JsonPeer.open(here.port, FEED, here.session(user)) as living,
    ):
        dying.ask(PING)
        living.ask(PING)
        with here.app.app_context():
            db.session.execute(update(ApiToken).values(revoked_at=datetime.now(UTC)))
            db.session.commit()

        assert (1008, "Session ended") == dying.end()
        assert "pong" == living.ask(PING)["type"]


def test_nothing_is_left_of_a_client(threads: Threads, here: Served) -> None:
    """Neither in the registry nor in the fan-out nor a thread."""
    with here.connect(FEED) as peer:
        peer.ask({"action": "subscribe", "symbols": ["BTC"], "channels": ["quotes", "trades"]})
        peer.ask(PING)
        assert here.market.fanout.is_watched("BTC")
        assert 1 == here.registry.counts().subscriptions
    wait_for(lambda: not here.market.fanout.is_watched("BTC"), 5)

    counts = here.registry.counts()
    assert (0, 0, 0) == (counts.connections, counts.owners, counts.subscriptions)
    wait_for(lambda: not threads.count("trades"))


def test_realtime_status_has_counts(here: Served) -> None:
    """All users see totals; administrators see each user's numbers."""
    admin, client = here.create_user(Role.ADMIN), here.create_user()
    with here.connect(FEED, here.token(client)) as peer:
        peer.ask({"action": "subscribe", "symbols": ["BTC", "ETH"]})
        reports = [
            requests.get(
                f"{here.base}/webtrader/realtime_status",
                headers={"Cookie": here.session(user).removeprefix("Cookie: ")},
                timeout=PATIENCE,
            ).json()["gateways"]
            for user in (client, admin)
        ]

    assert "by_user" not in reports[0]
    assert [{"user_id": client, "connections": 1, "subscriptions": 2}] == reports[1]["by_user"]
    assert {
        "connections": 1,
        "subscriptions": 2,
        "messages_in": 1,
        "messages_out": 1,
    } == reports[0]["dialects"]["market_feed"]


def test_a_close_is_answered(here: Served) -> None:
    """A client's close frame is answered with one."""
    with here.connect(FEED) as peer:
        peer.raw.send(frame(CLOSE, b"\x03\xe8"))

        assert 1000 == peer.end()[0]
