"""Starts and stops the feeds: for viewers of prices, and by administrators."""

import threading
from datetime import UTC, datetime

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from omcrm.engine.bus import Control, ControlAction
from omcrm.extensions import app_bus
from omcrm.storage import audit, feed_switch
from omcrm.storage.transaction import transaction
from omcrm.web.database_away import is_away
from omcrm.web.market_access import feed_engine

# The stored state and the running feeds change together.
_lock = threading.Lock()


def start_for_viewer() -> None:
    """Start the feeds in the background, unless they run or an administrator stopped them."""
    if not feed_engine().running and not feed_switch.are_stopped():
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        threading.Thread(
            target=_start_unless_stopped, args=(app,), name="start-feeds", daemon=True
        ).start()


def _start_unless_stopped(app: Flask) -> None:
    with app.app_context(), _lock:
        try:
            if not feed_switch.are_stopped():
                _start()
        except SQLAlchemyError as error:
            # The next viewer starts them.
            if not is_away(error):
                raise


def start_by_admin(user_id: int) -> str:
    """Start the feeds, also after restarts: `started` or `already_running`."""
    with _lock:
        _remember(False, user_id)
        return _start()


def stop_by_admin(user_id: int) -> str:
    """Stop the feeds until an administrator starts them: `stopped` or `already_stopped`."""
    with _lock:
        _remember(True, user_id)
        was_running = feed_engine().running
        app_bus().publish(Control(ControlAction.STOP))
        return "stopped" if was_running else "already_stopped"


def _start() -> str:
    was_running = feed_engine().running
    app_bus().publish(Control(ControlAction.START))
    return "already_running" if was_running else "started"


def _remember(stopped: bool, user_id: int) -> None:
    now = datetime.now(UTC)
    with transaction():
        feed_switch.remember(stopped, user_id, now)
        audit.record("stop_feeds" if stopped else "start_feeds", now, user_id=user_id)
