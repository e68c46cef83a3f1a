"""Serves the app from this process, with the built-in exchange beside it in a demo."""

import logging
import signal
import sys
import threading
import time
from dataclasses import replace

import click
from flask import Flask

from omcrm import create_app
from omcrm.child import ExchangeProcess
from omcrm.concurrency import active_mode, end_on
from omcrm.errors import SettingError
from omcrm.extensions import socketio
from omcrm.installation import DemoLogin, prepare
from omcrm.settings import Settings, load
from omcrm.webtrader import service
from omcrm.webtrader.realtime_data import RealTimeDataManager

_MOST_CONNECTIONS = 20_000
# So long the announcement waits for the feeds to show what they are.
_FIRST_LOOK = 8.0


@click.command()
def run() -> None:
    """Serve the app until TERM or an interrupt."""
    sys.exit(launch())


def launch() -> int:
    """Serve until TERM or an interrupt; the process's exit status."""
    try:
        settings = load()
    except SettingError as error:
        click.echo(str(error), err=True)
        return 2
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    exchange = None
    if settings.demo and not settings.exchange_url:
        exchange = ExchangeProcess()
        settings = replace(settings, exchange_url=exchange.start())
    app = create_app(settings)
    logins = prepare(app)
    manager: RealTimeDataManager = app.extensions[service.MANAGER]
    end_on(signal.SIGTERM, signal.SIGINT)
    with app.app_context():
        service.start_for_viewer()
    threading.Thread(target=_announce, args=(settings, logins, manager), daemon=True).start()
    try:
        _serve(app, settings)
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        manager.stop()
        if exchange is not None:
            exchange.stop()
    return 0


def _serve(app: Flask, settings: Settings) -> None:
    mode = active_mode()
    options = {
        # eventlet's server takes no more connections at once than its pool has threads.
        "eventlet": {"max_size": _MOST_CONNECTIONS, "log_output": False},
        "gevent": {"log_output": False},
        "threading": {"allow_unsafe_werkzeug": True},
    }[mode]
    socketio.run(app, host=settings.host, port=settings.port, use_reloader=False, **options)


def _announce(settings: Settings, logins: list[DemoLogin], manager: RealTimeDataManager) -> None:
    until = time.monotonic() + _FIRST_LOOK
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104
    lines = [f"OMCRM is at {settings.public_url or f'http://{host}:{settings.port}'}"]
    lines += [f"  {each.role:<7} {each.email}  {each.password}" for each in logins]
    if not logins:
        lines.append("  Make an account: python manage.py create-user --email … --role admin")
    click.echo("\n".join(lines))
    while time.monotonic() < until and not _all_known(manager):
        time.sleep(0.2)
    for name, status in manager.status().items():
        words = status.price_class.value if status.active else status.state.value
        click.echo(f"  {name:<10} {words}{f' ({status.last_error})' if status.last_error else ''}")
    click.echo("Stop with Ctrl-C.")


def _all_known(manager: RealTimeDataManager) -> bool:
    return all(each.active or each.last_error for each in manager.status().values())
