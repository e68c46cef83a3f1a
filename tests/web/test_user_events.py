"""Notices to a user's page and programs, from a running app and its database."""

import json
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import websocket

from tests.processes import PATIENCE, ROOT, App, Browser, wait_for

REALTIME, FEED, DESK = "/ws/realtime/", "/ws/market/feed", "/socket.io/"
DIALECTS = (REALTIME, FEED, DESK)

# A process that writes events to a user: one of five transactions fails.
WRITER = """
import sys
from datetime import UTC, datetime
from omcrm import create_app
from omcrm.storage import user_event
from omcrm.wire.user_event import NoticeCode
from omcrm.storage.sqlite_file import writer_timeout
from omcrm.storage.transaction import transaction

user, writer, most = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
app, written = create_app(), 0
with app.app_context(), writer_timeout(120):
    step = 0
    while written < most:
        step += 1
        try:
            with transaction():
                name = f"{writer}-{written}"
                user_event.add(user, NoticeCode.TOKEN_CREATED, datetime.now(UTC), name=name)
                if not step % 5:
                    raise ZeroDivisionError
            written += 1
        except ZeroDivisionError:
            pass
"""


class Client:
    """A client of any dialect that resumes at its last event, and can be cut off at any moment."""

    def __init__(self, browser: Browser, path: str, since: int | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self.since = since
        self._path = path
        query = "?EIO=4&transport=websocket" if path == DESK else ""
        self._socket = websocket.create_connection(
            browser.base.replace("http", "ws") + path + query,
            cookie=browser.cookies(),
            origin=browser.base,
            timeout=PATIENCE,
        )
        if path == DESK:
            self._socket.send("40/webtrader,")
            while not self._socket.recv().startswith("40"):
                pass
        self.resume(since)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def resume(self, since: int | None) -> None:
        if self._path == DESK:
            self._socket.send(f"42/webtrader,{json.dumps(['resume', {'since': since}])}")
        elif self._path == FEED:
            self._socket.send(json.dumps({"action": "resume", "since": since}))
        else:
            self._socket.send(json.dumps({"type": "resume", "data": {"since": since}}))

    def cut(self) -> None:
        """End the connection without a close, as if the network failed."""
        with suppress(OSError):
            # Also wakes the reader.
            self._socket.sock.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.shutdown()

    def _read(self) -> None:
        with suppress(OSError, websocket.WebSocketException):
            while packet := self._socket.recv():
                self._take(packet)

    def _take(self, packet: str) -> None:
        if packet == "2":
            self._socket.send("3")
            return
        if packet.startswith("42/webtrader,"):
            kind, body = json.loads(packet.removeprefix("42/webtrader,"))
        elif packet.startswith("{"):
            body = json.loads(packet)
            kind, body = body.pop("type"), body.get("data", body)
        else:
            return
        (self.events if kind == "notice" else self.others).append({"kind": kind, **body})

    def answer(self, kind: str) -> dict[str, Any]:
        """The first message of a kind that is no notice."""
        return wait_for(
            lambda: next((body for body in self.others if body["kind"] == kind), None), what=kind
        )


Connect = Callable[..., Client]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app without sources, which strangers may use, too."""
    with App(
        tmp_path_factory.mktemp("app"), {"REALTIME_SOURCES": "", "USE_SECURITY": "false"}
    ) as running:
        yield running


@pytest.fixture
def browser(app: App) -> Browser:
    """A logged-in user's browser."""
    return app.new_browser()


@pytest.fixture
def connect(browser: Browser) -> Iterator[Connect]:
    """Connects clients of the browser's user, which are cut off at the end."""
    clients: list[Client] = []

    def make(path: str, since: int | None = None) -> Client:
        clients.append(Client(browser, path, since))
        return clients[-1]

    yield make
    for client in clients:
        client.cut()


def create_token(browser: Browser, name: str) -> int:
    """A new API token's id."""
    headers = {"X-CSRFToken": browser.csrf("/webtrader/dashboard")}
    body = {"name": name, "scopes": ["market:read"]}
    answer = browser.post("/api/v1/tokens", json=body, headers=headers)
    assert 201 == answer.status_code, answer.text
    return int(answer.json()["token"]["id"])


def test_a_token_is_noticed_on_every_connection(browser: Browser, connect: Connect) -> None:
    """Its creation and its end, on the page and on both raw WebSockets."""
    clients = [connect(path) for path in DIALECTS]
    for client in clients:
        assert 1 == client.answer("resumed")["event"]
    token_id = create_token(browser, "my bot")
    headers = {"X-CSRFToken": browser.csrf("/webtrader/dashboard")}
    assert 200 == browser.http.delete(
        f"{browser.base}/api/v1/tokens/{token_id}", headers=headers, timeout=PATIENCE
    ).status_code  # fmt: skip

    for client in clients:
        wait_for(lambda client=client: len(client.events) == 2)
        created, revoked = client.events
        assert {"kind", "event", "code", "message", "at"} == set(created)
        assert (2, "TOKEN_CREATED") == (created["event"], created["code"])
        assert "The API token my bot was created." == created["message"]
        assert (3, "TOKEN_REVOKED") == (revoked["event"], revoked["code"])
        assert created["at"].endswith("Z")


def test_a_login_is_noticed_by_the_other_one(app: App) -> None:
    """When it begins and when it ends; other users read nothing of it."""
    app.create_user("owner@example.com")
    page = Client(app.log_in("owner@example.com"), DESK)
    stranger = Client(app.new_browser(), FEED)
    page.answer("resumed")
    other = app.log_in("owner@example.com")
    wait_for(lambda: page.events)
    other.post("/auth/logout", data={"csrf_token": other.csrf("/account/logins")})
    wait_for(lambda: len(page.events) == 2)
    for client in (page, stranger):
        client.cut()

    assert ["LOGIN_CREATED", "LOGIN_ENDED"] == [event["code"] for event in page.events]
    assert [] == stranger.events


@pytest.mark.parametrize("path", DIALECTS)
def test_a_client_that_comes_back_gets_what_it_missed(
    browser: Browser, connect: Connect, path: str
) -> None:
    """After its last number, in order; a number that is too high is answered with `reload`."""
    for name in "ABC":
        create_token(browser, name)
    client = connect(path, since=2)
    wait_for(lambda: len(client.events) == 2)
    lost = connect(path, since=99)
    reload = lost.answer("reload")

    assert [3, 4] == [event["event"] for event in client.events]
    assert ("EVENTS_EXPIRED", 4) == (reload["code"], reload["event"])


@pytest.mark.parametrize("path", [REALTIME, FEED])
def test_anonymous_clients_have_no_events(app: App, path: str) -> None:
    """They are told to log in."""
    stranger = Client(Browser(app.base), path)
    wait_for(lambda: any("AUTHENTICATION_REQUIRED" in str(body) for body in stranger.others))
    stranger.cut()


@pytest.mark.parametrize("since", [-1, "x", 1.5, []])
@pytest.mark.parametrize("path", DIALECTS)
def test_a_wrong_number_is_refused(
    browser: Browser, connect: Connect, path: str, since: Any
) -> None:
    """With the field's name."""
    client = connect(path)
    client.resume(since)
    wait_for(lambda: any("since" in str(body) for body in client.others))


@pytest.mark.parametrize(
    ("each", "cuts"), [(40, 12), pytest.param(500, 200, marks=pytest.mark.long)]
)
def test_each_event_once_and_in_order(app: App, browser: Browser, each: int, cuts: int) -> None:
    """Two processes write while clients of every dialect are cut off again and again."""
    first = Client(browser, REALTIME)
    user, start = first.answer("connection")["user_id"], first.answer("resumed")["event"]
    first.cut()
    writers = [writer(app, user, name, each) for name in "ab"]
    clients = {path: Client(browser, path, start) for path in DIALECTS}
    received: dict[str, list[dict[str, Any]]] = {path: [] for path in DIALECTS}
    chance = random.Random(7)

    def reconnect(path: str) -> None:
        clients[path].cut()
        received[path] += clients[path].events
        clients[path] = Client(browser, path, start + len(received[path]))

    for _ in range(cuts):
        path, goal = chance.choice(DIALECTS), chance.randrange(2 + 4 * each // cuts)
        wait_for(
            lambda path=path, goal=goal: (
                len(clients[path].events) >= goal or all(done.poll() == 0 for done in writers)
            )
        )
        reconnect(path)
    for done in writers:
        assert 0 == done.wait(PATIENCE)
    for path, client in clients.items():
        wait_for(
            lambda path=path, client=client: len(received[path]) + len(client.events) >= 2 * each
        )
        reconnect(path)
        clients[path].cut()

    for path in DIALECTS:
        numbers = [event["event"] for event in received[path]]
        assert list(range(start + 1, start + 1 + 2 * each)) == numbers
        for name in "ab":
            sentences = [event["message"] for event in received[path]]
            own = [sentence for sentence in sentences if f" {name}-" in sentence]
            assert [f"The API token {name}-{step} was created." for step in range(each)] == own


def writer(app: App, user_id: int, name: str, most: int) -> subprocess.Popen[bytes]:
    """A process that writes events to a user."""
    command = [sys.executable, "-c", WRITER, str(user_id), name, str(most)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **app.env})
