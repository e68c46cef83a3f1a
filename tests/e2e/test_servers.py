"""The same app under every server it may be run with."""

import http.client
import shlex
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process_table import can_listen, children, is_running
from tests.processes import (
    PASSWORD,
    PATIENCE,
    ROOT,
    App,
    Browser,
    DeskClient,
    Exchange,
    close_client,
    wait_for,
)

GUNICORN = f"exec {shlex.quote(sys.executable)} -m gunicorn"
BEHIND_THE_PORT = "--bind 127.0.0.1:$PORT wsgi:app"

# Each with its command, and its value of OMCRM_ASYNC.
SERVERS = {
    "run.py on eventlet": (f"exec {shlex.quote(sys.executable)} run.py", "eventlet"),
    "run.py on gevent": (f"exec {shlex.quote(sys.executable)} run.py", "gevent"),
    "run.py on threads": (f"exec {shlex.quote(sys.executable)} run.py", "threading"),
    "gunicorn on eventlet": (f"{GUNICORN} --worker-class eventlet -w 1 {BEHIND_THE_PORT}", ""),
    "gunicorn on gevent": (f"{GUNICORN} -k gevent {BEHIND_THE_PORT}", ""),
    "gunicorn on threads": (f"{GUNICORN} -k gthread {BEHIND_THE_PORT}", ""),
}
TRADERS = [f"trader{number}@example.com" for number in range(5)]
LONGEST_STOP = 7.0

# All in one process, which is quicker than the commands.
PREPARE = """
import sys
from datetime import UTC, datetime
from omcrm import create_app
from omcrm.auth.service import create_user
from omcrm.installation import prepare
from omcrm.storage.user import Role
password, *emails = sys.stdin.read().split()
app = create_app()
prepare(app)
with app.app_context():
    for email in emails:
        create_user(email, password, Role.CLIENT, datetime.now(UTC))
"""


class Served(App):
    """The app under one of the servers, with accounts to log in with."""

    def __init__(self, name: str, folder: Path, exchange: Exchange) -> None:
        self.name = name
        self.exchange = exchange
        command, mode = SERVERS[name]
        env = {"BINANCE_WS_URL": exchange.url} | ({"OMCRM_ASYNC": mode} if mode else {})
        super().__init__(folder, env, ["sh", "-c", command])
        self.browser = self.log_in(TRADERS[0])

    def upgrade(self) -> None:
        """Create the accounts, too."""
        self.run("-c", PREPARE, stdin=" ".join([PASSWORD, *TRADERS]))


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """Each server, one after the other."""
    folder = tmp_path_factory.mktemp("served")
    with Exchange(folder) as exchange, Served(request.param, folder, exchange) as served:
        yield served


def has_prices(page: DeskClient) -> bool:
    """Whether the exchange's prices arrive, newer and newer."""
    prices = [price for price in page.prices("BTC") if price["source"] == "binance"]
    return len(prices) >= 3 and len({price["seq"] for price in prices}) >= 3


def test_prices_over_a_websocket(served: Served) -> None:
    """A logged-in page gets the exchange's prices over a WebSocket."""
    with served.browser.desk(transports=("websocket",)) as page:
        page.subscribe("BTC")
        wait_for(lambda: has_prices(page), 20, "prices")

        assert "websocket" == page.client.transport()
        assert {"live"} == {price["price_class"] for price in page.prices("BTC")[-3:]}


def test_polling_is_upgraded(served: Served) -> None:
    """A page that begins with long polling continues over a WebSocket."""
    with served.browser.desk(transports=("polling", "websocket")) as page:
        wait_for(lambda: page.client.transport() == "websocket", 10, "the upgrade")
        page.subscribe("BTC")

        wait_for(lambda: has_prices(page), 20, "prices")


def test_polling_alone_suffices(served: Served) -> None:
    """Where WebSockets are blocked, the page is served by long polling."""
    with served.browser.desk(transports=("polling",)) as page:
        page.subscribe("BTC")
        wait_for(lambda: has_prices(page), 20, "prices")

        assert "polling" == page.client.transport()


def test_one_connection_serves_many_requests(served: Served) -> None:
    """HTTP/1.1: a connection is kept for the next request."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
    ports = set()
    for _ in range(3):
        connection.request("GET", "/healthz")
        ports.add(connection.sock.getsockname()[1])
        answer = connection.getresponse()
        assert (200, b'{"status":"ok"}') == (answer.status, answer.read().strip())
    connection.close()

    assert 1 == len(ports)


def test_many_visitors(served: Served) -> None:
    """Fifty concurrent visitors, some of them logging in, are all answered."""

    def visit(number: int) -> int:
        browser = Browser(served.base)
        with browser.http:
            if number < len(TRADERS):
                browser.log_in(TRADERS[number])
                return browser.get("/webtrader/dashboard").status_code
            return browser.get("/auth/login").status_code

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(visit, range(50)))

    assert [200] * 50 == answers


def test_silent_connections_block_nobody(served: Served) -> None:
    """Connections without a request do not delay the answers to others."""
    with ExitStack() as silent:
        for _ in range(20):
            silent.enter_context(socket.create_connection(("127.0.0.1", served.port)))

        assert 200 == served.browser.get("/webtrader/dashboard").status_code


def test_term_ends_it(served: Served) -> None:
    """With five pages connected TERM ends it in time, and nothing of it is left.

    The last test of this file that a server sees.
    """
    pages = [served.browser.desk(transports=("websocket",)) for _ in range(5)]
    for page in pages:
        page.subscribe("BTC")
    wait_for(lambda: all(has_prices(page) for page in pages), 20, "prices")
    family = children(served.pid)
    seconds = served.stop()
    for page in pages:
        wait_for(lambda page=page: not page.connected, 5, "the page's notice")
        close_client(page.client)
    print(f"\n{served.name}: TERM took {seconds:.2f} s")

    assert 0 == served.process.returncode
    assert seconds < LONGEST_STOP
    assert set() == {pid for pid in family if is_running(pid)}
    assert can_listen(served.port)
    wait_for(lambda: not served.exchange.state()["connections"], 2, "the feed's end")
    # Not every traceback: on threads the libraries' own writers fail on sockets just closed.
    assert f'File "{ROOT / "omcrm"}' not in served.output()
