"""Serves the app from this process, with the built-in exchange beside it in a demo."""

import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import replace

import click
from sqlalchemy.exc import SQLAlchemyError

from omcrm import create_app, process
from omcrm.concurrency import end_on
from omcrm.demonstration import with_simulator
from omcrm.ending import close_connections
from omcrm.engine.market_engine import MarketEngine
from omcrm.errors import SettingError
from omcrm.installation import DemoLogin, prepare
from omcrm.logs import configure_logs
from omcrm.market.feed_status import FeedState, FeedStatus
from omcrm.services import services_of
from omcrm.serving.server import serve
from omcrm.settings import Settings, load
from omcrm.web import feed_control

# How long the announcement waits for the status of the feeds, in seconds.
_ANNOUNCED_AFTER = 8.0


@click.command()
def run() -> None:
    """Serve the app until TERM or an interrupt."""
    sys.exit(launch())


def launch() -> int:
    """Serve until TERM or an interrupt; the process's exit status."""
    process.return_free_memory()
    process.allow_many_files()
    try:
        settings = load()
    except SettingError as error:
        return _fail(str(error), 2)
    configure_logs(settings.log_level)
    try:
        settings = replace(settings, port=_free_port(settings))
    except OSError as error:
        reason = error.strerror or error
        return _fail(f"cannot listen on {settings.host}:{settings.port}: {reason}")
    try:
        end_on(signal.SIGTERM, signal.SIGINT)
        _run(settings)
    except KeyboardInterrupt:
        return 0
    except SystemExit as end:
        return int(end.code or 0)
    except SettingError as error:
        return _fail(str(error), 2)
    except (ChildProcessError, PermissionError) as error:
        return _fail(f"cannot start: {error}")
    except SQLAlchemyError as error:
        return _fail(f"cannot use the database: {str(error).splitlines()[0]}")
    return 0


def _fail(problem: str, status: int = 1) -> int:
    click.echo(problem, err=True)
    return status


def _free_port(settings: Settings) -> int:
    """The port to listen on, a free one where the setting is 0; raises OSError if it is in use."""
    kind = socket.SOCK_STREAM
    address = socket.getaddrinfo(settings.host, settings.port, type=kind)[0]
    with socket.socket(address[0], kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address[4])
        return int(probe.getsockname()[1])


def _run(settings: Settings) -> None:
    with ExitStack() as at_the_end:
        settings, stop_simulator = with_simulator(settings)
        at_the_end.callback(stop_simulator)
        app = create_app(settings)
        logins = prepare(app)
        parts = services_of(app)
        at_the_end.callback(parts.stop)
        process.collect_garbage_less_often()
        with app.app_context():
            feed_control.start_for_viewer()
        announced = (settings, logins, parts.engine)
        threading.Thread(target=_announce, args=announced, daemon=True).start()
        serve(app, settings.host, settings.port, close_connections)


def _announce(settings: Settings, logins: list[DemoLogin], engine: MarketEngine) -> None:
    until = time.monotonic() + _ANNOUNCED_AFTER
    lines = [f"OMCRM is at {settings.public_url or _address(settings)}"]
    lines += [f"  {login.role:<7} {login.email}  {login.password}" for login in logins]
    if not logins:
        lines.append("  Make an account: python manage.py create-user --email … --role admin")
    click.echo("\n".join(lines))
    while time.monotonic() < until and not all(map(_is_known, engine.status().values())):
        time.sleep(0.2)
    for name, status in engine.status().items():
        click.echo(f"  {name:<16} {_in_words(status)}")
    click.echo("Stop with Ctrl-C.")


def _address(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _is_known(status: FeedStatus) -> bool:
    is_unused = status.state in (FeedState.OFF, FeedState.STANDBY)
    return status.active or is_unused or status.last_error is not None


def _in_words(status: FeedStatus) -> str:
    if status.active:
        return status.price_class.value
    if status.state is FeedState.OFF and status.last_error is not None:
        return f"off ({status.last_error})"
    if status.state in (FeedState.OFF, FeedState.STOPPED, FeedState.STANDBY):
        return status.state.value
    if status.state is FeedState.CONNECTED:
        return "connected, no prices yet"
    return f"unreachable ({status.last_error or 'no answer yet'})"
