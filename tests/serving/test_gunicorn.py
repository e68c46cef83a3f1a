"""gunicorn with `gunicorn.conf.py` and the app."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.processes import App, wait_for

COMMAND = f"exec {shlex.quote(sys.executable)} -m gunicorn -k {{}} -b 127.0.0.1:$PORT wsgi:app"


def served(folder: Path, worker: str, **environ: str) -> App:
    return App(folder, environ, ["sh", "-c", COMMAND.format(worker)])


@pytest.mark.parametrize("worker", ["eventlet", "gevent", "gthread"])
def test_a_demonstration_is_simulated(tmp_path: Path, worker: str) -> None:
    """As with `run.py` a simulator runs beside the app, and every price is simulated."""
    with served(tmp_path, worker, OMCRM_DEMO="true") as app:
        browser = app.new_browser()

        def classes() -> set[str]:
            status = browser.get("/webtrader/realtime_status").json()
            return {instrument["price_class"] for instrument in status["instruments"]}

        browser.get("/webtrader/dashboard")
        wait_for(lambda: classes() == {"simulated"}, 60, "simulated prices")


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_gunicorn_logs_in_the_apps_format(tmp_path: Path, level: str) -> None:
    """Each line has its time and level, and LOG_LEVEL applies."""
    unreachable = {"BINANCE_WS_URL": "ws://127.0.0.1:1", "LOG_LEVEL": level}
    with served(tmp_path, "eventlet", **unreachable) as app:
        app.new_browser().get("/webtrader/dashboard")
        if level == "INFO":
            wait_for(lambda: "omcrm.feeds" in app.output(), 60, "a line of the feeds")
        app.stop()
        lines = app.output().splitlines()

    assert bool(lines) == (level == "INFO")
    assert [] == [line for line in lines if not re.search(r"\d\d:\d\d:\d\d.* \[?[A-Z]+\]?", line)]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("STREAM_INTERVAL", "often", "expected a whole number from 1 to 60"),
        ("SECRET_KEY", "x", "secrets.token_urlsafe"),
    ],
)
def test_an_invalid_setting_stops_gunicorn(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    """A line names the setting, without a traceback, and gunicorn gives up."""
    with pytest.raises(AssertionError) as died:
        Quick(tmp_path, {name: text}, ["sh", "-c", COMMAND.format("eventlet")])

    assert f"setting {name}: " in str(died.value)
    assert problem in str(died.value)
    assert "Traceback" not in str(died.value)


class Quick(App):
    """An app that fails before it needs a database."""

    def upgrade(self) -> None:
        """Skipped: no database is made."""
