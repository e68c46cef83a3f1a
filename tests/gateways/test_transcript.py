"""What is said on each raw WebSocket, and what programs we give to people make of it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import websocket

from omcrm.gateways.registry import DIALECTS
from tests.gateways.transcript import Player, Unexpected, fits, read
from tests.processes import PATIENCE, ROOT, App, Browser, Exchange, wait_for
from tests.reference.judge import Judge

TRANSCRIPTS = sorted((ROOT / "tests" / "gateways" / "transcripts").glob("*.txt"))
SCOPES = ["market:read", "portfolio:read", "portfolio:write"]
PATHS = {dialect.path: dialect.name for dialect in DIALECTS}


class Desk:
    """A running demonstration on the built-in exchange, with somebody to whom it belongs."""

    def __init__(self, app: App, browser: Browser) -> None:
        self.app = app
        self.browser = browser
        self._csrf = {"X-CSRFToken": browser.csrf("/webtrader/dashboard")}
        self.token = self._post("/api/v1/tokens", name="test", scopes=SCOPES)["secret"]
        self.socket_base = app.base.replace("http", "ws", 1)

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.browser.post(path, json=body, headers=self._csrf)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def portfolio(self) -> int:
        """A new portfolio with some bitcoin in it."""
        names = {"name": "Growth Portfolio"}
        found = int(self._post("/api/v1/portfolios", **names)["portfolio"]["id"])
        holding = {"symbol": "BTC", "quantity": "0.5", "average_cost": "1000"}
        self._post(f"/api/v1/portfolios/{found}/holdings", **holding)
        return found

    def user(self) -> int:
        """Whose it is."""
        with closing(self.connect("/ws/realtime/", "token")) as socket:
            return int(json.loads(socket.recv())["data"]["user_id"])

    def connect(self, path: str, who: str) -> websocket.WebSocket:
        """A socket of somebody: `token`, `key`, `query` (in the address), `session`, or none."""
        headers = {
            "token": [f"Authorization: Bearer {self.token}"],
            "key": [f"x-api-key: {self.token}"],
        }
        cookie = self.browser.cookies() if who == "session" else None
        query = f"?token={self.token}" if who == "query" else ""
        return websocket.create_connection(
            self.socket_base + path + query,
            header=headers.get(who, []),
            cookie=cookie,
            origin=self.app.base if who == "session" else None,
            suppress_origin=who != "session",
            timeout=PATIENCE,
        )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A demonstration whose prices move."""
    folder = tmp_path_factory.mktemp("desk")
    with Exchange(folder) as exchange:
        environ = {
            "OMCRM_DEMO": "true",
            "OMCRM_EXCHANGE_URL": exchange.url,
            "BINANCE_WS_URL": exchange.url,
            "STREAM_INTERVAL": "1",
            "MAX_CONNECTIONS_PER_USER": "100",
        }
        with App(folder, environ) as app, closing(app.new_browser().http) as session:
            browser = Browser(app.base)
            browser.http = session
            running = Desk(app, browser)
            browser.get("/webtrader/dashboard")
            wait_for(lambda: are_moving(browser), 20, "prices")
            yield running
        assert "Traceback" not in app.output()


def are_moving(browser: Browser) -> bool:
    """Whether there is a price of this run for every kind of instrument."""
    states = browser.get("/webtrader/realtime_status").json()["instruments"]
    moving = {state["symbol"] for state in states if state["price_class"] in ("live", "simulated")}
    return {"BTC", "ETH", "AAPL", "MSFT", "GOOGL"} <= moving


@pytest.fixture(scope="module")
def given(desk: Desk) -> dict[str, str]:
    """What transcripts leave open."""
    with closing(desk.app.new_browser().http) as session:
        browser = Browser(desk.app.base)
        browser.http = session
        theirs = Desk(desk.app, browser).portfolio()
    mine = desk.portfolio()
    return {"portfolio": str(mine), "theirs": str(theirs), "user": str(desk.user())}


@pytest.fixture(scope="module")
def judge() -> Judge:
    """The documents."""
    return Judge()


def dialect_of(transcript: Path) -> str:
    """The dialect that a transcript is in."""
    path = read(transcript.read_text())[0].text.split()[0]
    return PATHS["/profile/<symbol>" if path.startswith("/profile/") else path]


def test_every_dialect_has_a_transcript() -> None:
    """What is served is played."""
    assert {dialect.name for dialect in DIALECTS} == {
        dialect_of(transcript) for transcript in TRANSCRIPTS
    }


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_it_is_said_as_it_is_written(
    transcript: Path, desk: Desk, given: dict[str, str], judge: Judge
) -> None:
    """Every line of the transcript, and whatever else is heard, is as the documents say."""
    player = Player(desk.connect, given)
    player.play(transcript)

    said = [json.loads(text) for text in player.heard]
    problems = [(judge.message(dialect_of(transcript), message), message) for message in said]
    assert [] == [problem for problem in problems if problem[0]]


# The player itself


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ('{"a":{number},"b":"{iso}"}', '{"b":"2026-01-05T14:30:00.123Z","a":-1.5}'),
        ('{"a":1,…}', '{"a":1,"b":2}'),
        ("[{number|null},{any}]", "[null,{}]"),
        ('"+{number}%"', '"+0.24%"'),
        ('{"a":"{number}"}', '{"a":"398.09"}'),
        ("{any} lines", "two lines"),
    ],
)
def test_a_placeholder_fits_what_it_stands_for(expected: str, said: str) -> None:
    """In values, in texts, and outside of JSON."""
    assert fits(expected, said)


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ('{"a":{number}}', '{"a":"1"}'),
        ('{"a":{number}}', '{"a":true}'),
        ('{"a":"{number}"}', '{"a":1}'),
        ('{"a":1}', '{"a":1,"b":2}'),
        ('{"a":1,…}', '{"b":2}'),
        ('{"a":{iso}}', '{"a":"2026-01-05"}'),
        ('{"a":1}', '{"a":true}'),
        ("[1]", "[1,2]"),
        ("[1]", "nothing"),
    ],
)
def test_what_is_otherwise_does_not_fit(expected: str, said: str) -> None:
    """A transcript can fail."""
    assert not fits(expected, said)


def test_a_line_that_is_not_so_is_named(desk: Desk, tmp_path: Path) -> None:
    """Whoever breaks a dialect sees where."""
    path = tmp_path / "wrong.txt"
    path.write_text('@ /ws/market/feed token\n\n> {"action":"ping"}\n< {"type":"pang"}\n')

    with pytest.raises(Unexpected, match=r"wrong\.txt:4 expects .*pang.*\n.*pong"):
        Player(desk.connect, {}).play(path)


# Programs that are given to people


def run(desk: Desk, *command: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a client on the desk, with its token unless another is given."""
    environ = {**os.environ, "OMCRM_TOKEN": desk.token if token is None else token}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def run_python(desk: Desk, *arguments: str) -> subprocess.CompletedProcess[str]:
    url = ("--url", desk.socket_base)
    return run(desk, sys.executable, "docs/examples/client.py", *arguments, *url)


def run_node(
    desk: Desk, *arguments: str, token: str | None = None
) -> subprocess.CompletedProcess[str]:
    found = shutil.which("node")
    if found is None or int(run(desk, found, "--version").stdout[1:].split(".")[0]) < 20:
        pytest.skip("missing: Node 20 or newer, to run a JavaScript client")
    url = ("--url", desk.app.base)
    return run(desk, str(found), "tools/websocket-test.js", *url, *arguments, token=token)


@pytest.mark.parametrize(
    "dialect", ["market_feed", "realtime", "quotes", "profile", "market", "hours"]
)
def test_the_python_client_speaks_it(dialect: str, desk: Desk) -> None:
    """It hears as many messages as it was told to, each of them JSON."""
    done = run_python(desk, dialect, "BTC", "--count", "2")

    assert (0, "") == (done.returncode, done.stderr)
    assert 2 == len([json.loads(line) for line in done.stdout.splitlines()])


@pytest.mark.parametrize("dialect", ["market_feed", "realtime", "quotes"])
def test_the_node_client_speaks_it(dialect: str, desk: Desk) -> None:
    """It prints what it says and what it hears."""
    done = run_node(desk, "--dialect", dialect, "--count", "2")

    marks = [line[0] for line in done.stdout.splitlines()]
    assert (0, "") == (done.returncode, done.stderr)
    assert ["#", ">", "<", "<"] == marks if dialect != "realtime" else 2 == marks.count("<")


def test_the_node_client_says_what_it_is_told(desk: Desk) -> None:
    """Messages are sent in their order, and it goes on until its time is over."""
    spoken = ('{"action":"ping"}', "{")
    done = run_node(desk, *spoken, "--seconds", "0.5")

    said = [line[2:] for line in done.stdout.splitlines() if line[0] == ">"]
    heard = [json.loads(line[2:]) for line in done.stdout.splitlines() if line[0] == "<"]
    assert (0, list(spoken)) == (done.returncode, said)
    assert ["pong", "error"] == [message["type"] for message in heard]


@pytest.mark.parametrize(
    ("code", "arguments", "told"),
    [
        (1, ("--dialect", "hours"), "refused: 401"),
        (2, ("--dialect", "nonsense"), "--dialect: there is no nonsense"),
        (2, ("--seconds", "soon"), "--seconds: soon"),
        (3, (), "closed by the server: 1008 Authentication failed"),
    ],
    ids=["refused", "dialect", "number", "closed"],
)
def test_the_node_client_ends_with_what_happened(
    code: int, arguments: tuple[str, ...], told: str, desk: Desk
) -> None:
    """A script can tell apart why nothing was heard."""
    done = run_node(desk, *arguments, token="omcrm_wrong")

    assert code == done.returncode, done.stdout
    assert told in done.stdout + done.stderr


def test_the_node_client_ends_with_4_in_silence(desk: Desk) -> None:
    """A socket on which nothing is said is a failure of its own."""
    # Of this dialect nothing is said, and on that path nothing is told to who says nothing.
    done = run_node(desk, "--dialect", "hours", "--path", "/ws/market/feed", "--seconds", "0.2")

    assert 4 == done.returncode, done.stdout
