"""Long for a reason: every kind of credential meets every way to be refused."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, update
from werkzeug.test import create_environ

from omcrm.auth import service, ticket
from omcrm.auth.api_token import CreatedToken, revoke
from omcrm.auth.credential import Caller, Unidentified, UnidentifiedReason, dead_among, identify
from omcrm.auth.login import hash_token
from omcrm.auth.permission import PERMISSIONS, Permission
from omcrm.extensions import db
from omcrm.storage.api_token import ApiToken, find
from omcrm.storage.user import Role, User, find_user
from tests.processes import PATIENCE

EMAIL, ADMIN_EMAIL = "trader@example.com", "boss@example.com"
DESK = "http://localhost"
MARKET = frozenset({Permission.MARKET_READ})
# What reading the market includes for those whose role has it.
DETAILS = {Permission.FEEDS_READ, Permission.CONNECTIONS_READ}

Ask = Callable[..., Caller | Unidentified]
GiveToken = Callable[..., CreatedToken]


@pytest.fixture
def ask(app: Flask) -> Ask:
    """Identifies the caller of a request as a WebSocket server does, without a request context."""

    def send(
        path: str = "/", *, method: str = "GET", websocket: bool = False, **headers: str
    ) -> Caller | Unidentified:
        headers = {name.replace("_", "-"): text for name, text in headers.items()}
        environ = create_environ(path, DESK, method=method, headers=headers)
        environ["REMOTE_ADDR"] = "192.0.2.7"
        with app.app_context():
            return identify(environ, websocket=websocket)

    return send


@pytest.fixture
def cookie(client: FlaskClient, log_in: Callable) -> str:
    """The header of a browser that is logged in."""
    log_in(client)
    return f"omcrm_session={client.get_cookie('omcrm_session').value}"


def change(app: Flask, made: CreatedToken, **values: Any) -> None:
    with app.app_context():
        db.session.execute(update(ApiToken).where(ApiToken.id == made.row.id).values(**values))
        db.session.commit()


def row_of(app: Flask, made: CreatedToken) -> ApiToken:
    with app.app_context():
        return db.session.get_one(ApiToken, made.row.id)


# Tokens


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer {}"}, {"Authorization": "bearer  {} "}, {"x_api_key": "{}"}],
)
def test_a_token_identifies_its_caller(
    ask: Ask, give_token: GiveToken, headers: dict[str, str]
) -> None:
    """In either header, with the granted scopes and no other rights."""
    made = give_token("market:read")
    caller = ask(**{name: text.format(made.secret) for name, text in headers.items()})

    assert Caller(1, Role.CLIENT, MARKET, f"token:{hash_token(made.secret)}") == caller
    assert not caller.has_session
    assert caller.may(Permission.MARKET_READ)
    assert not caller.may(Permission.PORTFOLIO_READ)


def test_a_token_in_the_query_is_for_websockets(ask: Ask, give_token: GiveToken) -> None:
    """Browsers cannot send a header with a handshake; other requests would leak it in logs."""
    path = f"/?token={give_token().secret}"

    assert Caller is type(ask(path, websocket=True))
    assert Unidentified(UnidentifiedReason.NONE_GIVEN) == ask(path)


def test_no_credential(ask: Ask) -> None:
    """An empty header or parameter is no credential; another scheme is for a proxy."""
    nothing = Unidentified(UnidentifiedReason.NONE_GIVEN)

    assert nothing == ask()
    assert nothing == ask(Authorization="Bearer", x_api_key="")
    assert nothing == ask(Authorization="Basic b21jcm06b21jcm0=")
    assert nothing == ask("/?token=&ticket=", websocket=True)
    assert nothing == ask(Cookie="omcrm_session=forged")
    assert (401, "AUTHENTICATION_REQUIRED") == (nothing.status, nothing.code)


@pytest.mark.parametrize("secret", ["omcrm_wrong", "x" * 8000, "ünïcode\xff", "%00", "' or 1=1 --"])
def test_a_wrong_token(ask: Ask, secret: str) -> None:
    """A token that was never created is wrong, in any form."""
    assert Unidentified(UnidentifiedReason.WRONG) == ask(x_api_key=secret)


def test_the_answer_does_not_show_the_reason(app: Flask, ask: Ask, give_token: GiveToken) -> None:
    """Expired, revoked, disabled and wrong have different reasons, and the same answer."""
    now = datetime.now(UTC)
    expired, revoked = give_token(), give_token()
    disabled = give_token(email=ADMIN_EMAIL)
    change(app, expired, expires_at=now)
    change(app, revoked, revoked_at=now)
    with app.app_context():
        find_user(ADMIN_EMAIL).active = False
        db.session.commit()
    refused = [ask(x_api_key=token.secret) for token in (expired, revoked, disabled)]
    refused.append(ask(x_api_key="omcrm_wrong"))

    assert [
        UnidentifiedReason.EXPIRED,
        UnidentifiedReason.REVOKED,
        UnidentifiedReason.USER_DISABLED,
        UnidentifiedReason.WRONG,
    ] == [refusal.reason for refusal in refused]
    assert {(401, "AUTHENTICATION_FAILED", "Authentication failed")} == {
        (refusal.status, refusal.code, refusal.message) for refusal in refused
    }


def test_a_token_has_no_more_rights_than_its_user_has_now(
    app: Flask, ask: Ask, give_token: GiveToken
) -> None:
    """The scopes of admins have no effect after the user was demoted."""
    made = give_token("market:read", "feeds:control", email=ADMIN_EMAIL)
    before = ask(x_api_key=made.secret)
    with app.app_context():
        find_user(ADMIN_EMAIL).role = Role.CLIENT
        db.session.commit()
    after = ask(x_api_key=made.secret)

    assert Role.ADMIN is before.role
    assert MARKET | DETAILS | {Permission.FEEDS_CONTROL} == before.permissions
    assert (Role.CLIENT, MARKET) == (after.role, after.permissions)
    assert not after.may(Permission.FEEDS_CONTROL)


def test_its_last_use_is_stored_once_a_minute(app: Flask, ask: Ask, give_token: GiveToken) -> None:
    """The list shows the time and the address; most requests write nothing."""
    made = give_token()
    ask(x_api_key=made.secret)
    first = row_of(app, made)
    writes: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *a: writes.append(a[2]))
    ask(x_api_key=made.secret)
    second = row_of(app, made)

    assert "192.0.2.7" == first.last_used_addr
    assert first.last_used_at == second.last_used_at
    assert not any("UPDATE" in write for write in writes)


def test_a_busy_database_does_not_refuse_callers(
    app: Flask, ask: Ask, give_token: GiveToken, caplog: pytest.LogCaptureFixture
) -> None:
    """The failed write of the last use is logged, without the secret."""
    made = give_token()
    with app.app_context():

        @event.listens_for(db.engine, "connect")
        def set_timeout(connection: Any, record: Any) -> None:
            connection.execute("PRAGMA busy_timeout=1")

        db.engine.dispose()
        blocker = db.engine.raw_connection()
    blocker.cursor().execute("BEGIN IMMEDIATE")
    caller = ask(x_api_key=made.secret)
    blocker.rollback()
    blocker.close()

    assert Caller is type(caller)
    assert None is row_of(app, made).last_used_at
    assert "could not be noted" in caplog.text
    assert made.secret not in caplog.text


# Guessing


def test_guessing_is_limited_per_address(app: Flask, ask: Ask, give_token: GiveToken) -> None:
    """As with passwords: after so many wrong ones in a minute no token is checked."""
    made = give_token()
    reasons = [ask(x_api_key=f"omcrm_{n}").reason for n in range(6)]
    refused = ask(x_api_key=made.secret)

    assert [UnidentifiedReason.WRONG] * 5 + [UnidentifiedReason.TOO_MANY_WRONG] == reasons
    assert (UnidentifiedReason.TOO_MANY_WRONG, 429) == (refused.reason, refused.status)
    assert 1 <= refused.wait_seconds <= 61


def test_others_are_not_refused(app: Flask, ask: Ask, give_token: GiveToken, cookie: str) -> None:
    """Another address is not limited, nor are sessions and tickets of the same one."""
    made = give_token()
    for n in range(6):
        ask(x_api_key=f"omcrm_{n}")
    environ = create_environ("/", headers={"x-api-key": made.secret})
    with app.app_context():
        caller = identify(environ | {"REMOTE_ADDR": "192.0.2.8"})
        used = ticket.issue(caller, datetime.now(UTC))

    assert Caller is type(caller)
    assert Caller is type(ask(Cookie=cookie))
    assert Caller is type(ask(f"/?ticket={used}", websocket=True))


def test_an_expired_token_is_no_guess(app: Flask, ask: Ask, give_token: GiveToken) -> None:
    """A program with an expired token must not block all programs of its network."""
    expired, good = give_token(), give_token()
    change(app, expired, expires_at=datetime.now(UTC))
    reasons = {ask(x_api_key=expired.secret).reason for _ in range(10)}

    assert {UnidentifiedReason.EXPIRED} == reasons
    assert Caller is type(ask(x_api_key=good.secret))


# Sessions


def test_a_session_may_whatever_its_user_may(
    app: Flask, ask: Ask, client: FlaskClient, cookie: str
) -> None:
    """It has the permissions of the user's role."""
    caller = ask(Cookie=cookie)

    assert (1, Role.CLIENT) == (caller.user_id, caller.role)
    assert PERMISSIONS[Role.CLIENT] == caller.permissions
    assert caller.has_session
    assert caller.may(Permission.PORTFOLIO_WRITE)
    assert not caller.may(Permission.FEEDS_CONTROL)


def test_an_admins_session(ask: Ask, client: FlaskClient, log_in: Callable) -> None:
    """An admin may control the feeds."""
    log_in(client, email=ADMIN_EMAIL)
    caller = ask(Cookie=f"omcrm_session={client.get_cookie('omcrm_session').value}")

    assert Role.ADMIN is caller.role
    assert caller.may(Permission.FEEDS_CONTROL)


@pytest.mark.parametrize(
    "unsafe",
    [{}, {"method": "POST"}, {"method": "DELETE"}, {"method": "PUT"}, {"websocket": True}],
)
def test_a_session_is_for_our_own_pages(ask: Ask, cookie: str, unsafe: dict[str, Any]) -> None:
    """Browsers send the cookie with requests of every page, so the origin decides."""
    foreign = ask(Cookie=cookie, Origin="https://evil.example", **unsafe)

    assert (UnidentifiedReason.FOREIGN_ORIGIN, 403) == (foreign.reason, foreign.status)
    assert UnidentifiedReason.FOREIGN_ORIGIN is ask(Cookie=cookie, Origin="null", **unsafe).reason
    assert Caller is type(ask(Cookie=cookie, Origin=DESK, **unsafe))
    assert Caller is type(ask(Cookie=cookie, **unsafe))


def test_a_token_is_valid_from_every_origin(ask: Ask, give_token: GiveToken) -> None:
    """No browser sends it by itself."""
    path = f"/?token={give_token().secret}"

    assert Caller is type(ask(path, websocket=True, Origin="https://elsewhere.example"))


def test_a_token_decides_before_the_cookie(ask: Ask, give_token: GiveToken, cookie: str) -> None:
    """A wrong token is refused despite a valid cookie, and a valid one has only its own rights."""
    made = give_token("market:read")

    assert UnidentifiedReason.WRONG is ask(Cookie=cookie, x_api_key="omcrm_wrong").reason
    assert MARKET == ask(Cookie=cookie, x_api_key=made.secret).permissions


def test_an_ended_session_is_no_credential(app: Flask, ask: Ask, cookie: str) -> None:
    """A user who was logged out or disabled has to log in."""
    with app.app_context():
        service.set_active(find_user(EMAIL), False, datetime.now(UTC))

    assert Unidentified(UnidentifiedReason.NONE_GIVEN) == ask(Cookie=cookie)


# Tickets


def issue(app: Flask, caller: Caller, age: timedelta = timedelta()) -> str:
    with app.app_context():
        return ticket.issue(caller, datetime.now(UTC) - age)


@pytest.mark.parametrize("kind", ["session", "token"])
def test_a_ticket_identifies_the_caller_who_requested_it(
    app: Flask, ask: Ask, give_token: GiveToken, cookie: str, kind: str
) -> None:
    """Once, on a handshake, the caller is the same as with the original credential."""
    caller = ask(Cookie=cookie) if kind == "session" else ask(x_api_key=give_token().secret)
    path = f"/?ticket={issue(app, caller)}"
    elsewhere = ask(path)
    opened = ask(path, websocket=True, Origin="https://elsewhere.example")

    assert caller == opened
    assert Unidentified(UnidentifiedReason.NONE_GIVEN) == elsewhere
    assert Unidentified(UnidentifiedReason.WRONG) == ask(path, websocket=True)


def test_a_ticket_is_valid_for_half_a_minute(app: Flask, ask: Ask, cookie: str) -> None:
    """Later it is refused."""
    caller = ask(Cookie=cookie)
    late = issue(app, caller, timedelta(seconds=31))
    soon = issue(app, caller, timedelta(seconds=25))

    assert UnidentifiedReason.WRONG is ask(f"/?ticket={late}", websocket=True).reason
    assert caller == ask(f"/?ticket={soon}", websocket=True)


def test_a_ticket_ends_with_its_credential(
    app: Flask, ask: Ask, give_token: GiveToken, cookie: str
) -> None:
    """A credential that was revoked after the ticket was issued opens nothing."""
    made = give_token()
    tickets = [issue(app, caller) for caller in (ask(x_api_key=made.secret), ask(Cookie=cookie))]
    with app.app_context():
        revoke(1, made.row.id, datetime.now(UTC), None)
        service.set_active(find_user(EMAIL), False, datetime.now(UTC))
    refused = [ask(f"/?ticket={ticket}", websocket=True) for ticket in tickets]

    assert [UnidentifiedReason.REVOKED] * 2 == [refusal.reason for refusal in refused]
    assert {"Authentication failed"} == {refusal.message for refusal in refused}


def test_used_tickets_do_not_block_tokens(ask: Ask, give_token: GiveToken) -> None:
    """A page that reconnects with its old ticket has to wait; programs of that address do not."""
    reasons = [ask("/?ticket=used", websocket=True).reason for _ in range(6)]

    assert [UnidentifiedReason.WRONG] * 5 + [UnidentifiedReason.TOO_MANY_WRONG] == reasons
    assert Caller is type(ask(x_api_key=give_token().secret))


# Whether a credential is still valid


def test_invalid_handles_among_many(
    app: Flask, ask: Ask, give_token: GiveToken, cookie: str
) -> None:
    """Sessions and tokens are looked up together, with two queries for any number."""
    session = ask(Cookie=cookie).handle
    tokens = [give_token(name=f"{n}") for n in range(4)]
    good, expired, revoked, of_other = (f"token:{token.row.token_hash}" for token in tokens)
    change(app, tokens[1], expires_at=datetime.now(UTC))
    change(app, tokens[2], revoked_at=datetime.now(UTC))
    change(app, tokens[3], user_id=2)
    forged = {"session:unknown", "token:unknown", "nonsense", good.replace("token", "session")}
    queries: list[str] = []
    with app.app_context():
        find_user(ADMIN_EMAIL).active = False
        db.session.commit()
        event.listen(db.engine, "before_cursor_execute", lambda *a: queries.append(a[2]))
        dead = dead_among({session, good, expired, revoked, of_other, *forged})

    assert {expired, revoked, of_other, *forged} == dead
    assert 2 == len(queries)


def test_no_handles_need_no_query(app: Flask) -> None:
    """Without sockets there is no query."""
    with app.app_context():
        queries: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda *a: queries.append(a[2]))

        assert set() == dead_among([])
        assert [] == queries


@pytest.mark.parametrize("end", ["disable", "password", "logout"])
def test_what_ends_credentials(
    app: Flask,
    ask: Ask,
    client: FlaskClient,
    give_token: GiveToken,
    cookie: str,
    end: str,
) -> None:
    """Disabling and a new password end both kinds; a logout ends the session alone."""
    session, token = ask(Cookie=cookie).handle, ask(x_api_key=give_token().secret).handle
    if end == "logout":
        headers = {"X-CSRFToken": client.get("/token").text}
        assert 302 == client.post("/auth/logout", headers=headers).status_code
    with app.app_context():
        now, user = datetime.now(UTC), find_user(EMAIL)
        if end == "disable":
            service.set_active(user, False, now)
            service.set_active(user, True, now)
        if end == "password":
            service.change_password(user, "another horse", now)
        dead = dead_among([session, token])

    assert ({session} if end == "logout" else {session, token}) == dead


def test_many_threads(app: Flask, ask: Ask, give_token: GiveToken) -> None:
    """Handshakes run in many threads at the same time; each of them is answered."""
    made, callers = give_token(), []
    threads = [
        threading.Thread(target=lambda: callers.append(ask(x_api_key=made.secret)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert [Caller] * 8 == [type(caller) for caller in callers]


def test_the_token_in_the_database_is_a_hash(app: Flask, give_token: GiveToken) -> None:
    """A copy of the database has no token that can be used."""
    made = give_token()
    with app.app_context():
        kept = [str(vars(row)) for row in db.session.query(ApiToken)]
        assert None is not find(hash_token(made.secret))
        assert [True] == [made.row.token_hash in row for row in kept]
        assert [False] == [made.secret in row for row in kept]
        assert 1 == db.session.query(User).filter_by(email=EMAIL).count()
