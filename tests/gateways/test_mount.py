"""Coming in by a raw WebSocket, and what all of them are held to; over real sockets.

Long for a reason: every refusal that the manual lists is here.
"""

import json
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import update

from omcrm.auth.credential import Caller
from omcrm.auth.login import hash_token
from omcrm.auth.ticket import issue
from omcrm.extensions import db
from omcrm.storage.api_token import ApiToken
from omcrm.storage.user import Role
from tests.gateways.conftest import FEED
from tests.gateways.here import OURS, Make, Served, Speaker
from tests.processes import PATIENCE, wait_for
from tests.streaming.raw_client import BINARY, CLOSE, RawClient, frame, text, upgrade
from tests.threads import Threads

PING = {"action": "ping"}


def end_of(here: Served, *headers: str, query: str = "") -> tuple[int | None, str]:
    """How a connection is closed that was let in to be shown out."""
    with Speaker.open(here.port, FEED + query, *headers) as speaker:
        return speaker.end()


def is_authenticated(here: Served, *headers: str, query: str = "") -> bool:
    with Speaker.open(here.port, FEED + query, *headers) as speaker:
        return "pong" == speaker.ask(PING)["type"]


# Who may come in


def test_every_credential_opens_it(here: Served) -> None:
    """A session from our own page, a token in each of its three places, and a ticket."""
    user = here.create_user()
    token = here.token(user)

    assert is_authenticated(here, here.session(user), OURS)
    assert is_authenticated(here, here.session(user))
    assert is_authenticated(here, f"Authorization: Bearer {token}")
    assert is_authenticated(here, f"x-api-key: {token}")
    assert is_authenticated(here, query=f"?token={token}")


def test_a_ticket_opens_one_connection(here: Served) -> None:
    """A used one is as good as none."""
    user = here.create_user()
    handle = "token:" + hash_token(here.token(user))
    with here.app.app_context():
        ticket = issue(Caller(user, False, None, handle), datetime.now(UTC))

    assert is_authenticated(here, query=f"?ticket={ticket}")
    assert (1008, "Authentication failed") == end_of(here, query=f"?ticket={ticket}")


def test_no_credential_or_a_bad_one(here: Served) -> None:
    """This dialect's programs read the reason of the close."""
    expired = here.token(lifetime=timedelta(seconds=-1))
    said_nothing, failed = "Authentication token required", "Authentication failed"

    assert (1008, said_nothing) == end_of(here)
    assert (1008, said_nothing) == end_of(here, "Cookie: omcrm_session=nonsense")
    assert (1008, failed) == end_of(here, query="?token=wrong")
    assert (1008, failed) == end_of(here, query=f"?token={expired}")
    assert (1008, failed) == end_of(here, "Authorization: Bearer wrong")
    assert {"AUTHENTICATION_REQUIRED": 2, "AUTHENTICATION_FAILED": 3} == here.registry.counts()[
        "refused"
    ]
    assert 0 == here.registry.counts()["connections"]


def test_others_are_refused_in_http(serve: Make, ticker: str) -> None:
    """With the header that tells a program what to do, before there is a WebSocket."""
    here = serve()
    with RawClient.connect(here.port) as client:
        client.send(upgrade(ticker))
        status, header = client.read_head(), client.header("WWW-Authenticate")

    assert (401, "Bearer") == (status, header)
    status, body = here.status(ticker, "x-api-key: wrong")
    error = {"code": "AUTHENTICATION_FAILED", "message": "Authentication failed"}
    assert (401, {"success": False, "error": error}) == (status, body)


def test_a_page_of_another_site(here: Served) -> None:
    """A browser sends its cookie for any page; a token is sent on purpose."""
    user = here.create_user()
    status, body = here.status(FEED, here.session(user), "Origin: https://evil.example")

    assert (403, "FORBIDDEN_ORIGIN") == (status, body["error"]["code"])
    token = f"?token={here.token(user)}"
    assert is_authenticated(here, "Origin: https://evil.example", query=token)


def test_a_token_that_was_not_made_for_this(here: Served) -> None:
    """The scope it lacks is named."""
    token = here.token(scopes=("portfolio:read",))
    status, body = here.status(FEED, f"x-api-key: {token}")

    assert 403 == status
    assert {
        "code": "INSUFFICIENT_SCOPE",
        "message": "This needs a token with the scope market:read.",
    } == body["error"]


def test_without_security_strangers_may_look(serve: Make) -> None:
    """From whatever page; but a wrong token is wrong."""
    here = serve(USE_SECURITY="false")

    assert is_authenticated(here)
    assert is_authenticated(here, OURS)
    assert is_authenticated(here, "Origin: https://elsewhere.example")
    assert (1008, "Authentication failed") == end_of(here, query="?token=wrong")


def test_who_guesses_tokens_is_told_to_wait(serve: Make) -> None:
    """Also a program that would read it in the close."""
    here = serve(LOGIN_FAILURES_PER_MINUTE="2")
    for _ in range(2):
        end_of(here, query="?token=wrong")
    with RawClient.connect(here.port) as client:
        client.send(upgrade(f"{FEED}?token=wrong"))
        status, wait = client.read_head(), client.header("Retry-After")

    assert 429 == status
    assert 0 < int(wait or 0) <= 60


# How many


def test_the_sixth_connection_is_refused(here: Served) -> None:
    """Whatever it comes with; another user is let in, and so is the same one after a close."""
    user = here.create_user()
    token, session = here.token(user), here.session(user)
    with ExitStack() as stack:
        speakers = [stack.enter_context(here.speaker(FEED, token)) for _ in range(5)]
        status, body = here.status(FEED, session)

        assert (429, "LIMIT_EXCEEDED") == (status, body["error"]["code"])
        assert "too many connections (5): close one first" == body["error"]["message"]
        assert is_authenticated(here, f"x-api-key: {here.token()}")

        speakers[0].raw.sock.close()
        wait_for(lambda: 4 == len(here.registry.clients(user)), 5)
        assert is_authenticated(here, session)


def test_strangers_are_counted_by_their_address(serve: Make) -> None:
    """They have no other name."""
    here = serve(USE_SECURITY="false", MAX_CONNECTIONS_PER_USER="2")
    with Speaker.open(here.port, FEED), Speaker.open(here.port, FEED):
        assert 429 == here.status(FEED)[0]
        assert is_authenticated(here, f"x-api-key: {here.token()}")
        strangers = [{"user_id": None, "connections": 2, "subscriptions": 0}]
        wait_for(lambda: strangers == here.registry.by_user(), 5)


def test_behind_a_trusted_proxy_the_address_is_the_clients(serve: Make) -> None:
    """Otherwise all strangers would be one; without trust nobody may say who it is."""
    for trusted, status in (("1", 101), ("0", 429)):
        here = serve(USE_SECURITY="false", MAX_CONNECTIONS_PER_USER="1", TRUSTED_PROXIES=trusted)
        with (
            Speaker.open(here.port, FEED, "X-Forwarded-For: 192.0.2.1"),
            RawClient.connect(here.port) as other,
        ):
            other.send(upgrade(FEED, "X-Forwarded-For: 192.0.2.2"))
            assert status == other.read_head()


# What is no WebSocket


def test_a_plain_request(here: Served) -> None:
    """It is told what this address is for."""
    answer = requests.get(f"{here.base}{FEED}", timeout=PATIENCE)

    assert 426 == answer.status_code
    assert "websocket" == answer.headers["Upgrade"]
    assert "This address speaks WebSocket: connect with a WebSocket client.\n" == answer.text
    assert 426 == requests.get(f"{here.base}{FEED}/", timeout=PATIENCE).status_code
    assert 404 == requests.post(f"{here.base}{FEED}", timeout=PATIENCE).status_code
    assert 404 == requests.get(f"{here.base}{FEED}/more", timeout=PATIENCE).status_code


def test_a_page_at_the_same_path_comes_first(serve: Make, ticker: str) -> None:
    """A WebSocket and a page may share an address."""
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
def test_a_handshake_that_is_wrong(here: Served, headers: tuple[str, ...], status: int) -> None:
    """Nobody is asked who it is."""
    assert status == here.status(FEED, *headers)[0]
    assert {"handshake": 1} == here.registry.counts()["refused"]


def test_other_paths_are_the_apps(here: Served) -> None:
    """Also with an upgrade, and with bytes that are no text."""
    assert 404 == here.status("/ws/market/feeds")[0]
    assert 404 == here.status("/%ff")[0]


def test_the_path_may_end_with_a_slash(here: Served) -> None:
    """Programs were written either way."""
    with here.speaker(f"{FEED}/") as speaker:
        assert "pong" == speaker.ask(PING)["type"]


def test_what_comes_with_the_handshake_is_heard(here: Served) -> None:
    """A program need not wait for the answer."""
    with here.speaker(FEED, behind=text(json.dumps(PING))) as speaker:
        assert "pong" == speaker.hear()["type"]


def test_a_failing_database_lets_nobody_in(here: Served) -> None:
    """And is no traceback for a stranger."""
    token = here.token()
    here.app.extensions["omcrm.settings"] = None

    status, body = here.status(FEED, f"x-api-key: {token}")
    assert (503, "UNAVAILABLE") == (status, body["error"]["code"])


# Manners


def test_a_binary_message(here: Served) -> None:
    """It is this dialect's error, and the connection lives."""
    with here.speaker(FEED) as speaker:
        speaker.raw.send(frame(BINARY, b"\xff\x00"))

        assert ("error", "TEXT_ONLY") == (speaker.hear()["type"], speaker.heard[-1]["code"])
        assert "pong" == speaker.ask(PING)["type"]


def test_a_message_that_is_too_large(here: Served) -> None:
    """Sixteen KiB are read, seventeen are not."""
    with here.speaker(FEED) as speaker:
        fits = json.dumps({**PING, "more": "x" * (16 * 1024 - 40)})
        assert "pong" == speaker.ask(fits)["type"]
        speaker.say("x" * 17 * 1024)
        assert 1009 == speaker.end()[0]


class Still:
    """Stands for `time` where allowances are counted: it passes as far as the test says."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Still:
    """No allowance fills up by itself."""
    still = Still()
    monkeypatch.setattr("omcrm.gateways.client_connection.time", still)
    return still


@pytest.mark.usefixtures("still")
def test_too_many_messages(here: Served) -> None:
    """Forty at once are answered; beyond that they come too fast, until it is enough."""
    with here.speaker(FEED) as speaker:
        speaker.say(*[PING] * 60)
        answers = [speaker.hear() for _ in range(50)]
        end = speaker.end()

    pongs = sum(answer["type"] == "pong" for answer in answers)
    errors = [answer["code"] for answer in answers if answer["type"] == "error"]
    assert 40 == pongs
    assert {"RATE_LIMITED"} == set(errors)
    assert (1008, "too many bad messages") == end


def test_twenty_one_a_second_beyond_the_burst(here: Served, still: Still) -> None:
    """Twenty a second pass, one does not."""
    with here.speaker(FEED) as speaker:
        speaker.say(*[PING] * 40)
        for _ in range(40):
            assert "pong" == speaker.hear()["type"]
        codes = []
        for _ in range(21):
            still.now += 1 / 21
            codes.append(speaker.ask(PING).get("code"))

    assert 1 <= codes.count("RATE_LIMITED") <= 2


@pytest.mark.usefixtures("still")
def test_ten_bad_messages(here: Served) -> None:
    """The tenth within ten seconds is the last; good ones in between do not help."""
    with here.speaker(FEED) as speaker:
        for _ in range(9):
            assert "INVALID_JSON" == speaker.ask("{")["code"]
            assert "pong" == speaker.ask(PING)["type"]
        assert "INVALID_JSON" == speaker.ask("{")["code"]

        assert (1008, "too many bad messages") == speaker.end()


@pytest.mark.usefixtures("still")
def test_who_was_shown_out_is_not_listened_to(here: Served) -> None:
    """What came behind the tenth bad message is not acted on."""
    with here.speaker(FEED) as speaker:
        speaker.say(*["{"] * 10, {"action": "subscribe", "symbols": ["BTC"]})
        speaker.end()

    wait_for(lambda: 0 == here.registry.counts()["connections"], 5)
    assert 10 == here.registry.counts()["dialects"]["market_feed"]["messages_in"]


def test_silence(serve: Make) -> None:
    """Who answers no ping is closed when the time is over."""
    here = serve(WEBSOCKET_TIMEOUT="1")
    with here.speaker(FEED) as speaker:
        began = time.monotonic()
        end = speaker.end()

    assert (1008, "nothing heard for too long") == end
    assert 0.9 <= time.monotonic() - began


# Ends


def test_a_credential_that_dies_ends_its_connections(here: Served) -> None:
    """Within five seconds, and no other's."""
    user = here.create_user()
    with (
        here.speaker(FEED, here.token(user)) as dying,
        Speaker.open(here.port, FEED, here.session(user)) as living,
    ):
        dying.ask(PING)
        living.ask(PING)
        with here.app.app_context():
            db.session.execute(update(ApiToken).values(revoked_at=datetime.now(UTC)))
            db.session.commit()

        assert (1008, "Session ended") == dying.end()
        assert "pong" == living.ask(PING)["type"]


def test_nothing_is_left_of_a_client(threads: Threads, here: Served) -> None:
    """Neither who it was, nor what it watched."""
    with here.speaker(FEED) as speaker:
        speaker.ask({"action": "subscribe", "symbols": ["BTC"], "channels": ["quotes", "trades"]})
        speaker.ask(PING)
        assert here.market.fanout.is_watched("BTC")
        assert 1 == here.registry.counts()["subscriptions"]
    wait_for(lambda: not here.market.fanout.is_watched("BTC"), 5)

    counts = here.registry.counts()
    assert (0, 0, 0) == tuple(counts[name] for name in ("connections", "owners", "subscriptions"))
    wait_for(lambda: not threads.count("trades"))


def test_realtime_status_tells_counts(here: Served) -> None:
    """Everybody sees numbers; who has what is for administrators."""
    admin, client = here.create_user(Role.ADMIN), here.create_user()
    with here.speaker(FEED, here.token(client)) as speaker:
        speaker.ask({"action": "subscribe", "symbols": ["BTC", "ETH"]})
        told = [
            requests.get(
                f"{here.base}/webtrader/realtime_status",
                headers={"Cookie": here.session(user).removeprefix("Cookie: ")},
                timeout=PATIENCE,
            ).json()["gateways"]
            for user in (client, admin)
        ]

    assert "by_user" not in told[0]
    assert [{"user_id": client, "connections": 1, "subscriptions": 2}] == told[1]["by_user"]
    assert {
        "connections": 1,
        "subscriptions": 2,
        "messages_in": 1,
        "messages_out": 1,
    } == told[0]["dialects"]["market_feed"]


def test_a_close_is_answered(here: Served) -> None:
    """A program that says goodbye is told so."""
    with here.speaker(FEED) as speaker:
        speaker.raw.send(frame(CLOSE, b"\x03\xe8"))

        assert 1000 == speaker.end()[0]
