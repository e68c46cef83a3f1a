"""Every route, requested by pages of every kind of origin with every kind of credential."""

import itertools
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from omcrm import create_app
from omcrm.auth.access import Access
from omcrm.auth.login import hash_token
from omcrm.auth.permission import SCOPES, Permission
from omcrm.extensions import db, limiter
from omcrm.market.catalogue import CATALOGUE
from omcrm.reference.operation import operations
from omcrm.services import services_of
from omcrm.settings import load
from omcrm.storage.api_token import ApiToken
from omcrm.storage.instrument import InstrumentRow
from omcrm.storage.login_session import open_session
from omcrm.storage.user import Role, User

OWN, ALLOWED, FOREIGN = "http://localhost", "https://app.example.com", "https://evil.example"
ORIGINS = (OWN, ALLOWED, FOREIGN, "null")
CREDENTIALS = ("cookie", "token", "none")
CORS = "Access-Control-Allow-Origin"
READS = "/webtrader/instruments"
_VARIABLE = re.compile(r"<[^>]+>")


class Question(NamedTuple):
    """A request: its route, origin and credential."""

    method: str
    path: str
    origin: str
    credential: str


class Answer(NamedTuple):
    """The answer to it."""

    status: int
    headers: Headers


class Site(NamedTuple):
    """An app, and the credentials of a client of it."""

    app: Flask
    client: FlaskClient
    token: str
    needs_login: bool

    def ask(self, method: str, path: str, origin: str, credential: str, **more: str) -> Any:
        client = self.client if credential == "cookie" else self.app.test_client()
        headers = {"Origin": origin, "Accept": "application/json", **more}
        if credential == "token":
            headers["Authorization"] = f"Bearer {self.token}"
        with client.open(path, method=method, headers=headers) as answer:
            return answer


@contextmanager
def made(folder: Path, *, needs_login: bool) -> Iterator[Site]:
    """An app with a client who is logged in and has a token."""
    off = dict.fromkeys(("PUBLIC_URL", "BINANCE_WS_URL", "OMCRM_EXCHANGE_URL"), "")
    app = create_app(
        load(
            {
                "OMCRM_INSTANCE": str(folder),
                "DATABASE_URL": f"sqlite:///{folder / 'test.db'}",
                "FEED_STATE_DIR": str(folder / "feeds"),
                "REALTIME_SOURCES": "binance",
                "ALLOWED_ORIGINS": f"https://other.example, {ALLOWED}",
                "USE_SECURITY": str(needs_login),
                **off,
            }
        )
    )
    session, token = secrets.token_urlsafe(), f"omcrm_{secrets.token_urlsafe()}"
    with app.app_context():
        db.create_all()
        db.session.add_all(InstrumentRow.of(instrument) for instrument in CATALOGUE)
        _add_client(session, token)
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie.update(_user_id=session, _fresh=True)
    yield Site(app, client, token, needs_login)
    services_of(app).manager.stop()
    with app.app_context():
        db.engine.dispose()
        limiter.reset()


@pytest.fixture(scope="module", params=[True, False], ids=["needs_login", "open"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """An app with USE_SECURITY, and one without."""
    with made(tmp_path_factory.mktemp("site"), needs_login=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def answers(site: Site) -> dict[Question, Answer]:
    """The answers of every route to every origin with every credential."""
    return {
        Question(method, path, origin, credential): Answer(answer.status_code, answer.headers)
        for method, path, address in routes(site.app)
        for origin, credential in itertools.product(ORIGINS, CREDENTIALS)
        for answer in [site.ask(method, address, origin, credential)]
    }


def _add_client(session: str, token: str) -> None:
    now = datetime.now(UTC)
    user = User(email="one@example.com", password_hash="", role=Role.CLIENT, created_at=now)
    db.session.add(user)
    db.session.flush()
    day = timedelta(days=1)
    open_session(hash_token(session), user.id, now, day, user_agent=None, remote_addr=None)
    row = ApiToken(
        user_id=user.id,
        name="test",
        prefix=token[:12],
        token_hash=hash_token(token),
        scopes=list(SCOPES),
        created_at=now,
        expires_at=now + day,
    )
    db.session.add(row)
    db.session.commit()


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Each method, path as in the rule, and path that can be requested."""
    return [
        (method, rule.rule, _VARIABLE.sub("1", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


# Of an operator's own machines.
OPERATIONS = {"/healthz", "/readyz"}
# In JSON as well, but for its documents, which are of another type.
DOCUMENTS = {"/api/asyncapi.yaml"}


def for_programs(app: Flask) -> dict[tuple[str, str], Access]:
    """Who may use each method and path that answers in JSON."""
    return {(item.method, item.path): item.access for item in operations(app)}


def may_read(site: Site, method: str, path: str, origin: str) -> bool:
    """Whether the table lets a page of this origin read the answer."""
    if origin == OWN or path in OPERATIONS:
        return False
    access = for_programs(site.app).get((method, path))
    if origin == ALLOWED:
        return access is not None or path in DOCUMENTS
    if access is None or site.needs_login:
        return False
    return access.is_public or access.permissions == {Permission.MARKET_READ}


def test_who_may_read_what(site: Site, answers: dict[Question, Answer]) -> None:
    """Every route lets exactly the origins of the table read its answer."""
    wrong = []
    for asked, (_, headers) in answers.items():
        expected = asked.origin if may_read(site, asked.method, asked.path, asked.origin) else None
        shared = "cross-origin" if expected else "same-origin"
        if (expected, shared) != (headers.get(CORS), headers["Cross-Origin-Resource-Policy"]):
            wrong.append((asked, headers.get(CORS)))

    assert [] == wrong


def test_headers_for_caches_and_browsers(site: Site, answers: dict[Question, Answer]) -> None:
    """JSON answers vary by origin, and none lets a page use a cookie."""
    known = for_programs(site.app)
    of_programs = [
        headers
        for asked, (_, headers) in answers.items()
        if (asked.method, asked.path) in known and asked.path not in OPERATIONS
    ]

    assert all("Origin" in varies(headers) for headers in of_programs)
    assert not any("Access-Control-Allow-Credentials" in headers for _, headers in answers.values())


def test_no_cookie_counts_from_another_origin(answers: dict[Question, Answer]) -> None:
    """With a cookie such a page is answered like a stranger, on every route with every method."""
    wrong, mattered = [], 0
    for asked, answer in answers.items():
        if asked.credential != "cookie":
            continue
        stranger = answers[asked._replace(credential="none")].status
        if asked.origin == OWN:
            mattered += answer.status != stranger
        elif answer.status not in ((401, 403) if stranger == 401 else (stranger,)):
            wrong.append((asked, stranger, answer.status))

    assert [] == wrong
    assert mattered > 30


def test_a_token_counts_from_everywhere(site: Site, answers: dict[Question, Answer]) -> None:
    """It is sent on purpose: the origin decides only who may read the answer."""
    differing = [
        asked
        for asked, answer in answers.items()
        if asked.credential == "token"
        if answer.status != answers[asked._replace(origin=OWN)].status
    ]

    assert [] == differing
    assert 200 == answers[Question("GET", READS, ALLOWED, "token")].status
    assert 401 == answers[Question("GET", READS, ALLOWED, "none")].status


def test_preflight_requests(site: Site) -> None:
    """They are answered without a credential: the methods, and the headers of a token."""
    asked = {"Access-Control-Request-Headers": "authorization,content-type,x-api-key"}
    known = for_programs(site.app)
    for (method, path, address), origin in itertools.product(routes(site.app), ORIGINS):
        if (method, path) not in known:
            continue
        headers = {"Access-Control-Request-Method": method, **asked}
        answer = site.ask("OPTIONS", address, origin, "none", **headers)
        expected = origin if may_read(site, method, path, origin) else None

        assert (expected, 200) == (answer.headers.get(CORS), answer.status_code), (path, origin)
        if expected:
            names = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
            assert {"authorization", "x-api-key", "content-type"} == set(names)
            assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")


def test_socket_io_is_for_our_own_pages(site: Site) -> None:
    """It uses the login: a page of another site is refused, even one that may use the API."""
    path = "/socket.io/?EIO=4&transport=polling"
    statuses = [site.ask("GET", path, origin, "cookie").status_code for origin in ORIGINS]

    assert [200, 403, 403, 403] == statuses


def varies(headers: Headers) -> list[str]:
    return [name.strip() for value in headers.getlist("Vary") for name in value.split(",")]
