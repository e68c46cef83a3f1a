import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from omcrm.concurrency import MODES
from omcrm.launch import _in_words
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.market.price_class import PriceClass
from tests.launched import LONGEST_STOP, Launcher
from tests.modes import ONE_MODE
from tests.process_table import listens, resident_mb
from tests.processes import PATIENCE, ROOT, Browser, Exchange, wait_for


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launcher]:
    """Launches the app."""
    with Launcher(tmp_path) as launcher:
        yield launcher


# What a new user sees


@pytest.mark.parametrize("mode", MODES)
def test_a_demo_shows_what_is_needed(launch: Launcher, mode: str) -> None:
    """The address, two valid logins, the status of each source, and nothing else."""
    app = launch(OMCRM_ASYNC=mode)
    app.wait_until_up()
    lines = [line for line in app.output().splitlines() if "WARNING omcrm.feeds" not in line]
    client, admin = app.logins()
    for _, email, password in (client, admin):
        Browser(app.base).log_in(email, password)

    # Werkzeug's greeting cannot be switched off.
    greeting = " * Serving Flask app 'omcrm'", " * Debug mode: off"
    assert [
        f"OMCRM is at http://127.0.0.1:{app.port}",
        f"  client  client@example.com  {client[2]}",
        f"  admin   admin@example.com  {admin[2]}",
        "  binance          unreachable (connection refused)",
        "  simulated        simulated",
        "Stop with Ctrl-C.",
    ] == [line for line in lines if line not in greeting]


def test_a_real_source_is_live(launch: Launcher, exchange: Exchange) -> None:
    """A streaming source is shown with the class of its prices."""
    app = launch(BINANCE_WS_URL=exchange.url)
    app.wait_until_up()

    assert {"binance": "live", "simulated": "simulated"} == app.sources()


def test_without_the_demo_nothing_is_simulated(launch: Launcher) -> None:
    """A real installation starts no exchange, and prints how to create an account."""
    app = launch(OMCRM_DEMO="false", BINANCE_WS_URL="")
    app.wait_until_up()

    assert {"binance": "off"} == app.sources()
    assert [] == app.logins()
    assert "python manage.py create-user" in app.output()
    assert set() == app.family()


def test_a_running_exchange_is_used(launch: Launcher, exchange: Exchange) -> None:
    """With an exchange in the settings none is started."""
    app = launch(OMCRM_EXCHANGE_URL=exchange.url, BINANCE_WS_URL="")
    app.wait_until_up()

    assert {"binance": "off", "simulated": "simulated"} == app.sources()
    assert set() == app.family()


def test_a_free_port_is_chosen(launch: Launcher) -> None:
    """With PORT=0 the system chooses, and the printed address has that port."""
    app = launch(PORT="0", OMCRM_DEMO="false")
    wait_for(lambda: "Stop with" in app.output() or app.died(), 40, "the launch")
    address = re.search(r"OMCRM is at (http://127\.0\.0\.1:[1-9]\d+)", app.output())[1]

    wait_for(lambda: listens(app.pid), 5, "the server")
    assert requests.get(f"{address}/healthz", timeout=PATIENCE).ok


def test_the_command_is_the_same(launch: Launcher) -> None:
    """`manage.py run` does what `run.py` does."""
    app = launch("manage.py", "run")
    app.wait_until_up()

    assert "simulated" == app.sources()["simulated"]
    assert app.stop() < LONGEST_STOP
    assert 0 == app.process.returncode


@pytest.mark.parametrize(
    ("state", "active", "error", "words"),
    [
        (FeedState.STREAMING, True, "an old one", "live"),
        (FeedState.OFF, False, None, "off"),
        (FeedState.OFF, False, "A_KEY is not set", "off (A_KEY is not set)"),
        (FeedState.STANDBY, False, None, "standby"),
        (FeedState.STOPPED, False, None, "stopped"),
        (FeedState.CONNECTED, False, None, "connected, no prices yet"),
        (FeedState.CONNECTING, False, None, "unreachable (no answer yet)"),
        (FeedState.WAITING, False, "host not found", "unreachable (host not found)"),
    ],
)
def test_a_source_in_words(state: FeedState, active: bool, error: str | None, words: str) -> None:
    """The status of a source, in a trader's words."""
    status = FeedStatus(
        state=state,
        active=active,
        type="websocket",
        last_error=error,
        price_class=PriceClass.LIVE,
    )

    assert words == _in_words(status)


# What stops the start


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OMCRM_DEMMO", "true"),
        ("OMCRM_ASYNC", "asyncio"),
        ("PORT", "http"),
        ("PORT", "70000"),
        ("BINANCE_WS_URL", "https://example.com"),
    ],
)
def test_a_bad_setting_stops_it(launch: Launcher, name: str, text: str) -> None:
    """One line names the setting, and nothing is started or created."""
    app = launch(**({"PORT": "0"} | {name: text}))

    assert 2 == app.end()
    (line,) = app.output().splitlines()
    assert line.startswith(f"setting {name}: ")
    assert not app.instance.exists()


@pytest.mark.parametrize("mode", ONE_MODE)
def test_a_taken_port_stops_it(launch: Launcher, mode: str) -> None:
    """One line has the address and the reason; no exchange is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        app = launch(PORT=str(port), OMCRM_ASYNC=mode)

        assert 1 == app.end()
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use\n" == app.output()
    assert not app.instance.exists()


def test_a_foreign_address_stops_it(launch: Launcher) -> None:
    """An address of another machine cannot be listened on."""
    app = launch(HOST="192.0.2.1")

    assert 1 == app.end()
    assert 1 == len(app.output().splitlines())
    assert f"cannot listen on 192.0.2.1:{app.port}: " in app.output()


@pytest.mark.parametrize(
    "url",
    ["sqlite:////proc/nowhere/omcrm.db", "nonsense", "postgresql://127.0.0.1:1/omcrm"],
)
def test_an_unusable_database_stops_it(launch: Launcher, url: str) -> None:
    """One line has the reason, and an exchange that was started is ended."""
    app = launch(DATABASE_URL=url)

    assert 1 == app.end()
    (line,) = app.output().splitlines()
    assert line.startswith("cannot use the database: ")


@pytest.mark.parametrize("command", ["run.py", "wsgi.py"])
def test_importing_starts_nothing(command: str, tmp_path: Path) -> None:
    """The started modules can be imported: nothing listens, and no thread is left."""
    program = (
        f"import {command.removesuffix('.py')}, os, threading\n"
        "print([t.name for t in threading.enumerate()], len(os.listdir('/proc/self/task')))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env={**os.environ, "OMCRM_INSTANCE": str(tmp_path), "OMCRM_DEMO": "true"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "['MainThread'] 1\n") == (done.returncode, done.stdout), done.stderr


@pytest.mark.parametrize("mode", ONE_MODE)
def test_logins_release_their_memory(launch: Launcher, mode: str) -> None:
    """The memory of a password's hash is returned after each login."""
    app = launch(OMCRM_ASYNC=mode)
    app.wait_until_up()
    login = app.logins()[0]
    Browser(app.base).log_in(*login[1:])
    before = resident_mb(app.pid)
    for _ in range(4):
        Browser(app.base).log_in(*login[1:])

    assert resident_mb(app.pid) - before < 15
