"""The transcript of each dialect, and the client programs that we ship."""

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
from tests.reference.validator import DocumentValidator

TRANSCRIPTS = sorted((ROOT / "tests" / "gateways" / "transcripts").glob("*.txt"))
SCOPES = ["market:read", "portfolio:read", "portfolio:write"]
PATHS = {dialect.channel.path: dialect.channel.name for dialect in DIALECTS}


class Demonstration:
    """A running demonstration on the built-in exchange, with a user and a token."""

    def __init__(self, app: App, browser: Browser) -> None:
        self.app = app
        self.browser = browser
        self._csrf = {"X-CSRFToken": browser.csrf("/webtrader/dashboard")}
        self.token = self._post("/api/v1/tokens", name="test", scopes=SCOPES)["secret"]
        self.socket_base = app.base.replace("http", "ws", 1)

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.browser.post(path, json=body, headers=self._csrf)
        assert answer.ok, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def portfolio(self) -> int:
        """The id of a new portfolio that holds bitcoin."""
        names = {"name": "Growth Portfolio"}
        created = int(self._post("/api/v1/portfolios", **names)["portfolio"]["id"])
        holding = {"symbol": "BTC", "quantity": "0.5", "average_cost": "1000"}
        self._post(f"/api/v1/portfolios/{created}/holdings", **holding)
        return created

    def user(self) -> int:
        """The id of its user."""
        with closing(self.connect("/ws/realtime/", "token")) as socket:
            return int(json.loads(socket.recv())["data"]["user_id"])

    def connect(self, path: str, who: str) -> websocket.WebSocket:
        """A socket with a credential: `token`, `key`, `query`, `session`, or none."""
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
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """A demonstration whose prices move."""
    folder = tmp_path_factory.mktemp("demo")
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
            running = Demonstration(app, browser)
            browser.get("/webtrader/dashboard")
            wait_for(lambda: are_moving(browser), 20, "prices")
            yield running
        assert "Traceback" not in app.output()


def are_moving(browser: Browser) -> bool:
    """Whether these instruments of every kind have a live or simulated price."""
    states = browser.get("/webtrader/realtime_status").json()["instruments"]
    moving = {state["symbol"] for state in states if state["price_class"] in ("live", "simulated")}
    return {"BTC", "ETH", "AAPL", "MSFT", "GOOGL"} <= moving


@pytest.fixture(scope="module")
def given(demo: Demonstration) -> dict[str, str]:
    """The values of names in transcripts."""
    with closing(demo.app.new_browser().http) as session:
        browser = Browser(demo.app.base)
        browser.http = session
        theirs = Demonstration(demo.app, browser).portfolio()
    mine = demo.portfolio()
    return {"portfolio": str(mine), "theirs": str(theirs), "user": str(demo.user())}


@pytest.fixture(scope="module")
def documents() -> DocumentValidator:
    """Checks messages against the documented schemas."""
    return DocumentValidator()


def dialect_of(transcript: Path) -> str:
    """The name of a transcript's dialect."""
    path = read(transcript.read_text())[0].text.split()[0]
    return PATHS["/profile/{symbol}" if path.startswith("/profile/") else path]


def test_every_dialect_has_a_transcript() -> None:
    """Every served dialect has at least one."""
    assert {dialect.channel.name for dialect in DIALECTS} == {
        dialect_of(transcript) for transcript in TRANSCRIPTS
    }


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_is_reproduced(
    transcript: Path, demo: Demonstration, given: dict[str, str], documents: DocumentValidator
) -> None:
    """Every line matches, and every received message fits the documented schema."""
    player = Player(demo.connect, given)
    player.play(transcript)

    messages = [json.loads(text) for text in player.received]
    problems = [
        (documents.message(dialect_of(transcript), message), message) for message in messages
    ]
    assert [] == [problem for problem in problems if problem[0]]


# The player itself


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ('{"a":{number},"b":"{iso}"}', '{"b":"2026-01-05T14:30:00.123Z","a":-1.5}'),
        ('{"a":1,…}', '{"a":1,"b":2}'),
        ("[{number|null},{any}]", "[null,{}]"),
        ('"+{number}%"', '"+0.24%"'),
        ('{"a":"{number}"}', '{"a":"398.09"}'),
        ("{any} lines", "two lines"),
    ],
)
def test_placeholders_match(expected: str, text: str) -> None:
    """As values, in texts, and outside of JSON."""
    assert fits(expected, text)


@pytest.mark.parametrize(
    ("expected", "text"),
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
def test_other_messages_do_not_match(expected: str, text: str) -> None:
    """A transcript can fail."""
    assert not fits(expected, text)


def test_a_line_that_does_not_match_is_named(demo: Demonstration, tmp_path: Path) -> None:
    """The error has the file, the line, and what was expected and received."""
    path = tmp_path / "wrong.txt"
    path.write_text('@ /ws/market/feed token\n\n> {"action":"ping"}\n< {"type":"pang"}\n')

    with pytest.raises(Unexpected, match=r"wrong\.txt:4 expects .*pang.*\n.*pong"):
        Player(demo.connect, {}).play(path)


# The client programs that we ship


def run(
    demo: Demonstration, *command: str, token: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a client against the demonstration, with its token unless another is given."""
    environ = {**os.environ, "OMCRM_TOKEN": demo.token if token is None else token}
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def run_python(demo: Demonstration, *arguments: str) -> subprocess.CompletedProcess[str]:
    url = ("--url", demo.socket_base)
    return run(demo, sys.executable, "docs/examples/client.py", *arguments, *url)


def run_node(
    demo: Demonstration, *arguments: str, token: str | None = None
) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    if node is None or int(run(demo, node, "--version").stdout[1:].split(".")[0]) < 20:
        pytest.skip("missing: Node 20 or newer, to run a JavaScript client")
    url = ("--url", demo.app.base)
    return run(demo, str(node), "tools/websocket-test.js", *url, *arguments, token=token)


@pytest.mark.parametrize(
    "dialect", ["market_feed", "realtime", "quotes", "profile", "market", "hours"]
)
def test_the_python_client_supports_the_dialect(dialect: str, demo: Demonstration) -> None:
    """It prints as many messages as requested, each of them JSON."""
    done = run_python(demo, dialect, "BTC", "--count", "2")

    assert (0, "") == (done.returncode, done.stderr)
    assert 2 == len([json.loads(line) for line in done.stdout.splitlines()])


@pytest.mark.parametrize("dialect", ["market_feed", "realtime", "quotes"])
def test_the_node_client_supports_the_dialect(dialect: str, demo: Demonstration) -> None:
    """It prints what it sends and what it receives."""
    done = run_node(demo, "--dialect", dialect, "--count", "2")

    marks = [line[0] for line in done.stdout.splitlines()]
    assert (0, "") == (done.returncode, done.stderr)
    assert ["#", ">", "<", "<"] == marks if dialect != "realtime" else 2 == marks.count("<")


def test_the_node_client_sends_the_given_messages(demo: Demonstration) -> None:
    """In their order; it runs until its time is over."""
    messages = ('{"action":"ping"}', "{")
    done = run_node(demo, *messages, "--seconds", "0.5")

    sent = [line[2:] for line in done.stdout.splitlines() if line[0] == ">"]
    received = [json.loads(line[2:]) for line in done.stdout.splitlines() if line[0] == "<"]
    assert (0, list(messages)) == (done.returncode, sent)
    assert ["pong", "error"] == [message["type"] for message in received]


@pytest.mark.parametrize(
    ("code", "arguments", "output"),
    [
        (1, ("--dialect", "hours"), "refused: 401"),
        (2, ("--dialect", "nonsense"), "--dialect: there is no nonsense"),
        (2, ("--seconds", "soon"), "--seconds: soon"),
        (3, (), "closed by the server: 1008 Authentication failed"),
    ],
    ids=["refused", "dialect", "number", "closed"],
)
def test_the_exit_code_of_the_node_client(
    code: int, arguments: tuple[str, ...], output: str, demo: Demonstration
) -> None:
    """It distinguishes the reasons for which nothing was received."""
    done = run_node(demo, *arguments, token="omcrm_wrong")

    assert code == done.returncode, done.stdout
    assert output in done.stdout + done.stderr


def test_the_node_client_exits_with_4_if_nothing_is_received(demo: Demonstration) -> None:
    """A silent socket has an exit code of its own."""
    # This dialect's client sends nothing, and that path sends nothing before a message.
    done = run_node(demo, "--dialect", "hours", "--path", "/ws/market/feed", "--seconds", "0.2")

    assert 4 == done.returncode, done.stdout
