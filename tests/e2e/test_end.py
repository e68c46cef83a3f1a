"""The end of the launched app, and what is left of it."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from omcrm.concurrency import MODES
from tests.launched import LONGEST_STOP, Launcher
from tests.modes import ONE_MODE
from tests.process_table import can_listen, descriptors, is_running, listens
from tests.processes import PATIENCE, Browser, wait_for


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launcher]:
    """Launches the app."""
    with Launcher(tmp_path) as launcher:
        yield launcher


@pytest.mark.parametrize("mode", ONE_MODE)
def test_a_killed_app_leaves_nothing(launch: Launcher, mode: str) -> None:
    """After SIGKILL no exchange is left."""
    app = launch(OMCRM_ASYNC=mode)
    app.wait_until_up()
    (exchange,) = app.family()
    os.kill(app.pid, signal.SIGKILL)
    app.process.wait()

    wait_for(lambda: not is_running(exchange), 3, "the exchange's end")
    assert can_listen(app.port)


@pytest.mark.parametrize(
    ("mode", "number"),
    [
        *((mode, signal.SIGTERM) for mode in MODES),
        (MODES[0], signal.SIGINT),
        *(pytest.param(mode, signal.SIGINT, marks=pytest.mark.long) for mode in MODES[1:]),
    ],
)
def test_ends_in_order(launch: Launcher, mode: str, number: signal.Signals) -> None:
    """TERM and Ctrl-C end it quickly with 0, quietly, and the exchange with it."""
    app = launch(OMCRM_ASYNC=mode)
    app.wait_until_up()
    (exchange,) = app.family()
    began = time.monotonic()
    app.process.send_signal(number)

    assert 0 == app.end()
    assert time.monotonic() - began < LONGEST_STOP
    assert not is_running(exchange)
    assert can_listen(app.port)
    assert "Traceback" not in app.output()


@pytest.mark.parametrize("mode", MODES)
def test_a_silent_feed_does_not_delay_the_end(launch: Launcher, mode: str) -> None:
    """TERM ends it in time with an upstream that accepts and then sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = launch(
            OMCRM_ASYNC=mode,
            OMCRM_DEMO="false",
            BINANCE_WS_URL=f"ws://127.0.0.1:{silent.getsockname()[1]}",
        )
        silent.settimeout(PATIENCE)
        upstream, _ = silent.accept()
        with upstream:
            wait_for(app.answers, 30, "the app")

            assert app.stop() < LONGEST_STOP
    assert 0 == app.process.returncode
    assert "Traceback" not in app.output()


@pytest.mark.parametrize("mode", ONE_MODE)
def test_term_while_starting(launch: Launcher, mode: str) -> None:
    """With TERM during the start it ends, leaves nothing, and the next start works."""
    for moment in ("the imports", "the exchange", "the database"):
        app = launch(OMCRM_ASYNC=mode)
        began = time.monotonic()
        while app.process.poll() is None:
            if moment == "the imports" and time.monotonic() - began > 0.2:
                break
            if moment == "the exchange" and app.family():
                break
            if moment == "the database" and (app.instance / "omcrm.db").exists():
                break
            time.sleep(0.005)
        family = app.family()

        assert app.stop() < LONGEST_STOP
        # Before its own first line no handler of the signal is installed yet.
        assert app.process.returncode in ((0, -signal.SIGTERM) if moment == "the imports" else (0,))
        assert "Traceback" not in app.output()
        wait_for(lambda family=family: not any(map(is_running, family)), 3, "all to be gone")
    app = launch(OMCRM_ASYNC=mode)
    app.wait_until_up()

    assert 2 == len(app.logins())


# The exchange beside it


@pytest.mark.parametrize("mode", ONE_MODE)
def test_a_lost_exchange_comes_back(launch: Launcher, mode: str) -> None:
    """The exchange is replaced; the new one has inherited no socket of the app."""
    app = launch(OMCRM_ASYNC=mode)
    app.wait_until_up()
    (first,) = app.family()
    ports = listens(first)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: app.family() - {first}, 20, "the next exchange")
    (second,) = app.family()
    wait_for(lambda: listens(second) == ports, 20, "its port")
    own = {
        descriptor
        for descriptor in descriptors(app.pid).values()
        if descriptor.startswith("socket:")
    }

    assert {app.port} == listens(app.pid)
    assert set() == own & set(descriptors(second).values())


def test_two_on_one_instance(launch: Launcher) -> None:
    """Two that start together on an empty instance show the same logins, valid for both."""
    apps = [launch(), launch()]
    for app in apps:
        app.wait_until_up()
    one, other = (app.logins() for app in apps)

    assert one == other
    assert 2 == len(one)
    for app, (_, email, password) in zip(apps, one, strict=True):
        Browser(app.base).log_in(email, password)


def test_a_second_start_keeps_the_secrets(launch: Launcher) -> None:
    """Logins stay valid over a restart, also under another server."""
    app = launch()
    app.wait_until_up()
    logins = app.logins()
    browser = Browser(app.base)
    browser.log_in(*logins[0][1:])
    app.stop()
    port = str(app.port)
    again = launch(PORT=port)
    again.wait_until_up()

    assert logins == again.logins()
    assert 200 == browser.get("/webtrader/dashboard").status_code
    again.stop()
    bind = f"127.0.0.1:{port}"
    served = launch("-m", "gunicorn", "-k", "eventlet", "--bind", bind, "wsgi:app", PORT=port)
    wait_for(served.answers, 30, "gunicorn")
    assert 200 == browser.get("/webtrader/dashboard").status_code
