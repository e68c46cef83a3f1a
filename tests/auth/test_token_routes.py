"""Long for a reason: the page and the JSON routes do the same, and both may be misused."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse, create_environ

from omcrm.auth.api_token import CreatedToken
from omcrm.auth.credential import Caller, identify
from omcrm.auth.permission import SCOPES, Permission, grantable
from omcrm.extensions import db
from omcrm.storage.api_token import ApiToken
from omcrm.storage.audit import AuditEntry
from omcrm.storage.user import Role

PAGE, API, TICKET = "/account/tokens", "/api/v1/tokens", "/api/v1/ws-ticket"
ADMIN_EMAIL = "boss@example.com"
WISH = {"name": "sheet", "scopes": ["market:read"]}
SECRET = re.compile("omcrm_[A-Za-z0-9]{43}")

GiveToken = Callable[..., CreatedToken]


@pytest.fixture
def trader(client: FlaskClient, log_in: Callable) -> FlaskClient:
    """A client's browser."""
    log_in(client)
    return client


@pytest.fixture
def admin(app: Flask, log_in: Callable) -> FlaskClient:
    """An administrator's browser."""
    browser = app.test_client()
    log_in(browser, email=ADMIN_EMAIL)
    return browser


def csrf(browser: FlaskClient) -> str:
    return browser.get("/token").text


def fill_in(browser: FlaskClient, **fields: Any) -> TestResponse:
    form = {**WISH, "expires_in_days": "30", **fields, "csrf_token": csrf(browser)}
    return browser.post(PAGE, data=form)


def ask(browser: FlaskClient, body: Any, method: str = "POST", path: str = API) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return browser.open(path, method=method, data=data, headers={"X-CSRFToken": csrf(browser)})


def tokens(app: Flask) -> list[ApiToken]:
    with app.app_context():
        return db.session.query(ApiToken).order_by(ApiToken.id).all()


# The page


def test_a_stranger_is_sent_to_the_login(client: FlaskClient) -> None:
    """And returns to the page after it."""
    assert f"/auth/login?next={PAGE}" == client.get(PAGE).location


def test_the_page_is_linked_and_shows_an_empty_list(trader: FlaskClient) -> None:
    """Without tokens it shows the form, and a sentence for each scope."""
    page = trader.get(PAGE).text

    assert 'href="/account/tokens"' in page
    assert "You have no tokens yet." in page
    for scope in grantable(Role.CLIENT):
        assert f'value="{scope}"' in page
    assert "Read your portfolio" in page


def test_only_admins_see_the_scopes_of_admins(trader: FlaskClient, admin: FlaskClient) -> None:
    """Others cannot choose them, and cannot send them either."""
    assert "feeds:control" not in trader.get(PAGE).text
    assert "feeds:control" in admin.get(PAGE).text
    assert 400 == fill_in(trader, scopes=["feeds:control"]).status_code
    assert 201 == fill_in(admin, scopes=["feeds:control"]).status_code


def test_a_new_token_is_shown_once(app: Flask, trader: FlaskClient) -> None:
    """It works, and neither the page nor the list shows it again."""
    answer = fill_in(trader, scopes=["market:read", "portfolio:read"])
    (secret,) = SECRET.findall(answer.text)
    again = trader.get(PAGE).text
    (row,) = tokens(app)

    assert (201, "no-store") == (answer.status_code, answer.headers["Cache-Control"])
    assert not SECRET.search(again)
    assert f"<code>{secret[:12]}…</code>" in again
    assert ["market:read", "portfolio:read"] == row.scopes
    assert timedelta(days=30) == row.expires_at - row.created_at
    assert (
        200
        == app.test_client()
        .get("/webtrader/realtime_status", headers={"x-api-key": secret})
        .status_code
    )


def test_a_chosen_day_counts(app: Flask, trader: FlaskClient) -> None:
    """A day replaces the number of days."""
    day = datetime.now(UTC).date() + timedelta(days=3)
    fill_in(trader, expires_on=day.isoformat())

    assert day + timedelta(days=1) == tokens(app)[0].expires_at.date()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", ""),
        ("name", "x" * 61),
        ("name", "a\x07b"),
        ("scopes", []),
        ("scopes", ["moon:land"]),
        ("expires_in_days", "31"),
        ("expires_in_days", "for ever"),
        ("expires_in_days", "3_0"),
        ("expires_in_days", "３０"),
        ("expires_on", "2020-01-01"),
        ("expires_on", "9999-12-31"),
        ("expires_on", "tomorrow"),
    ],
)
def test_a_bad_field_is_named(app: Flask, trader: FlaskClient, field: str, text: Any) -> None:
    """The form is shown with an error at the field, and no token is created."""
    answer = fill_in(trader, **{field: text})

    assert 400 == answer.status_code
    assert f'id="{field}-error"' in answer.text
    assert 1 == answer.text.count('class="field-error"')
    assert [] == tokens(app)


def test_a_typed_name_is_escaped(trader: FlaskClient) -> None:
    """A name with markup is text on the page."""
    fill_in(trader, name="<script>alert(1)</script>")
    page = trader.get(PAGE).text

    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_nothing_is_inline(trader: FlaskClient) -> None:
    """The page complies with its Content-Security-Policy."""
    page = fill_in(trader).text

    assert not re.findall(r"\s(?:style|on\w+)=|<style|<script(?![^>]*\ssrc=)", page)


def test_another_sites_form_creates_nothing(app: Flask, trader: FlaskClient) -> None:
    """Without the page's token, or from another origin, nothing happens."""
    form = {**WISH, "expires_in_days": "30"}
    without = trader.post(PAGE, data=form)
    form["csrf_token"] = csrf(trader)
    foreign = trader.post(PAGE, data=form, headers={"Origin": "https://evil.example"})

    assert (400, 403) == (without.status_code, foreign.status_code)
    assert [] == tokens(app)


def test_too_many_tokens_are_refused(trader: FlaskClient, give_token: GiveToken) -> None:
    """The page shows the reason, and keeps the typed fields."""
    for _ in range(20):
        give_token()
    answer = fill_in(trader, name="one more")

    assert 409 == answer.status_code
    assert "You have 20 tokens already: revoke one first." in answer.text
    assert 'value="one more"' in answer.text


def test_revoking(app: Flask, trader: FlaskClient, give_token: GiveToken) -> None:
    """The button revokes the token at once, and the list shows it."""
    made = give_token()
    path = f"{PAGE}/{made.row.id}/revoke"
    without = trader.post(path)
    answer = trader.post(path, data={"csrf_token": csrf(trader)}, follow_redirects=True)
    dead = app.test_client().get("/webtrader/realtime_status", headers={"x-api-key": made.secret})

    assert 400 == without.status_code
    assert "mine is revoked." in answer.text
    assert 'data-state="revoked"' in answer.text
    assert "Revoke for good" not in answer.text
    assert 401 == dead.status_code


def test_another_users_token_is_neither_shown_nor_revoked(
    app: Flask, trader: FlaskClient, give_token: GiveToken
) -> None:
    """The answer is as if it did not exist."""
    made = give_token(email=ADMIN_EMAIL, name="the boss's")
    path = f"{PAGE}/{made.row.id}/revoke"
    answer = trader.post(path, data={"csrf_token": csrf(trader)}, follow_redirects=True)

    assert "boss" not in answer.text
    assert "You have no such token." in answer.text
    assert [None] == [token.revoked_at for token in tokens(app)]


def test_last_use_is_shown(app: Flask, trader: FlaskClient, give_token: GiveToken) -> None:
    """With the address of the caller."""
    made = give_token()
    before = trader.get(PAGE).text
    other = app.test_client()
    other.environ_base["REMOTE_ADDR"] = "192.0.2.99"
    other.get("/webtrader/realtime_status", headers={"x-api-key": made.secret})

    assert "<span>never</span>" in before
    assert "192.0.2.99" in trader.get(PAGE).text


# The same for programs


def test_creating_listing_and_revoking(app: Flask, trader: FlaskClient) -> None:
    """As on the page, in JSON: the secret is in one answer only."""
    made = ask(trader, {**WISH, "expires_in_days": 7})
    listed = trader.get(API).json
    token = made.json["token"]
    ended = ask(trader, None, "DELETE", f"{API}/{token['id']}")
    twice = ask(trader, None, "DELETE", f"{API}/{token['id']}")

    assert (201, True) == (made.status_code, made.json["success"])
    assert SECRET.fullmatch(made.json["secret"])
    assert [token] == listed["tokens"]
    assert 20 == listed["most"]
    assert {
        "name": "sheet",
        "prefix": made.json["secret"][:12],
        "scopes": ["market:read"],
        "state": "active",
        "revoked_at": None,
        "last_used_at": None,
        "last_used_addr": None,
    }.items() <= token.items()
    assert token["expires_at"].endswith("Z")
    assert (200, "revoked") == (ended.status_code, ended.json["token"]["state"])
    assert (404, "UNKNOWN_TOKEN") == (twice.status_code, twice.json["error"]["code"])
    assert not SECRET.search(json.dumps([listed, ended.json]))


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 100_000, "payload"),
        ([], "object"),
        ({"scopes": ["market:read"]}, "`name`"),
        ({"name": "x"}, "`scopes`"),
        ({**WISH, "name": 5}, "$.name"),
        ({**WISH, "name": ""}, "name:"),
        ({**WISH, "scopes": []}, "scopes:"),
        ({**WISH, "scopes": ["moon:land"]}, "$.scopes"),
        ({**WISH, "scopes": ["feeds:control"]}, "scopes:"),
        ({**WISH, "expires_in_days": 8}, "$.expires_in_days"),
        ({**WISH, "expires_on": "soon"}, "$.expires_on"),
        ({**WISH, "expires_on": "2020-01-01"}, "expires_on:"),
        ({**WISH, "expires_in_days": 7, "expires_on": "2030-01-01"}, "not both"),
        ({**WISH, "role": "admin"}, "nothing else"),
        ({**WISH, "x" * 100_000: 1}, "`expires_on` and nothing else"),
    ],
)
def test_a_bad_body_names_the_wrong_field(
    app: Flask, trader: FlaskClient, body: Any, named: str
) -> None:
    """400 in JSON, and no token is created."""
    answer = ask(trader, body)

    assert 400 == answer.status_code
    assert named in answer.json["error"]["message"]
    assert len(answer.data) < 400
    assert [] == tokens(app)


def test_a_token_creates_no_tokens(app: Flask, give_token: GiveToken) -> None:
    """A stolen token cannot create, list or revoke tokens."""
    made = give_token(*[scope.value for scope in SCOPES], email=ADMIN_EMAIL)
    program, headers = app.test_client(), {"Authorization": f"Bearer {made.secret}"}
    answers = [
        program.get(API, headers=headers),
        program.post(API, headers=headers, json=WISH),
        program.delete(f"{API}/{made.row.id}", headers=headers),
        program.get(PAGE, headers=headers),
        program.post(PAGE, headers=headers, data=WISH),
    ]

    assert {(403, "SESSION_REQUIRED")} == {
        (answer.status_code, answer.json["error"]["code"]) for answer in answers
    }
    assert 1 == len(tokens(app))


def test_strangers_get_json(client: FlaskClient) -> None:
    """These routes answer in JSON, whatever the Accept header is."""
    for answer in (client.get(API), client.post(API, json=WISH), client.post(TICKET)):
        assert (401, "AUTHENTICATION_REQUIRED") == (
            answer.status_code,
            answer.json["error"]["code"],
        )


# Tickets


def opened(app: Flask, ticket: str) -> Any:
    environ = create_environ(f"/ws?ticket={ticket}")
    with app.app_context():
        return identify(environ, websocket=True)


def test_a_ticket_for_a_session(app: Flask, trader: FlaskClient) -> None:
    """A page gets a ticket with its CSRF token; another site, without it, does not."""
    without = trader.post(TICKET)
    answer = ask(trader, None, path=TICKET)

    assert 400 == without.status_code
    assert {"ticket", "expires_in"} == set(answer.json)
    assert 30 == answer.json["expires_in"]
    caller = opened(app, answer.json["ticket"])
    assert (1, True) == (caller.user_id, caller.has_session)


def test_a_ticket_for_a_token(app: Flask, client: FlaskClient, give_token: GiveToken) -> None:
    """A program's ticket has the scopes of its token."""
    headers = {"x-api-key": give_token("portfolio:read").secret}
    answer = client.post(TICKET, headers=headers)
    caller = opened(app, answer.json["ticket"])

    assert Caller is type(caller)
    assert {Permission.PORTFOLIO_READ} == caller.permissions


def test_tickets_are_limited(client: FlaskClient, give_token: GiveToken) -> None:
    """A caller beyond the limit has to wait."""
    headers = {"x-api-key": give_token().secret}
    answers = [client.post(TICKET, headers=headers) for _ in range(61)]

    assert [200] * 60 + [429] == [answer.status_code for answer in answers]
    assert "TOO_MANY_REQUESTS" == answers[-1].json["error"]["code"]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


# Secrets


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logged line, of any level."""
    with caplog.at_level(logging.DEBUG):
        yield caplog


def test_secrets_are_not_stored_or_shown_again(
    app: Flask, trader: FlaskClient, everything_logged: pytest.LogCaptureFixture
) -> None:
    """They are not in the log, the database, or any answer after the first, refusals included."""
    made = ask(trader, WISH).json
    secret, program = made["secret"], app.test_client()
    ticket = program.post(TICKET, headers={"x-api-key": secret}).json["ticket"]
    answers = [
        program.get(path, headers=headers)
        for headers in ({"Authorization": f"Bearer {secret}"}, {"x-api-key": f"{secret}x"})
        for path in (
            "/webtrader/realtime_status",
            API,
            "/nowhere",
            f"/account/tokens?ticket={ticket}",
        )
    ]
    opened(app, f"{ticket}x")
    ask(trader, None, "DELETE", f"{API}/{made['token']['id']}")
    answers += [program.get("/webtrader/realtime_status", headers={"x-api-key": secret})]
    answers += [trader.get(PAGE), trader.get(API)]
    with app.app_context():
        kept = [
            str(row._mapping)
            for table in db.metadata.tables.values()
            for row in db.session.execute(table.select())
        ]
        acts = [entry.action for entry in db.session.query(AuditEntry).order_by(AuditEntry.id)]
    texts = " ".join([*kept, everything_logged.text, *(answer.text for answer in answers)])

    assert ["create_token", "revoke_token"] == acts[-2:]
    assert made["token"]["prefix"] in texts
    assert secret[13:] not in texts
    assert ticket not in texts


# The desk's status


def test_the_status_by_curl(app: Flask, client: FlaskClient, give_token: GiveToken) -> None:
    """A token that may read the market gets what its user sees."""
    tokens = [give_token(), give_token(email=ADMIN_EMAIL), give_token("portfolio:read")]
    mine, boss, narrow = (
        client.get("/webtrader/realtime_status", headers={"x-api-key": token.secret})
        for token in tokens
    )

    assert (200, 200, 403) == (mine.status_code, boss.status_code, narrow.status_code)
    assert "market:read" in narrow.json["error"]["message"]
    assert "by_user" not in mine.json["clients"]
    assert "feeds" not in mine.json
    assert "by_user" in boss.json["clients"]


def test_the_status_with_an_expired_token(
    app: Flask, client: FlaskClient, give_token: GiveToken
) -> None:
    """An expired token is refused like a wrong one."""
    made = give_token()
    with app.app_context():
        db.session.execute(update(ApiToken).values(expires_at=datetime.now(UTC)))
        db.session.commit()
    headers = ({"x-api-key": made.secret}, {"x-api-key": "omcrm_wrong"})
    expired, wrong = (
        client.get("/webtrader/realtime_status", headers=header) for header in headers
    )

    assert 401 == expired.status_code == wrong.status_code
    assert wrong.data == expired.data
