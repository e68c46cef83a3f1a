"""Starts and stops the feeds: for viewers of prices, and by administrators."""

import logging
import threading
from datetime import UTC, datetime
from typing import Literal

from flask import Flask, current_app

from omcrm.engine.bus import Control, ControlAction
from omcrm.errors import EngineUnreached
from omcrm.services import services
from omcrm.storage import audit, feed_switch
from omcrm.storage.transaction import transaction
from omcrm.streaming.throttled_log import ThrottledLog
from omcrm.web.database_away import is_away
from omcrm.web.market_access import feed_engine

# The stored state and the running feeds change together.
_lock = threading.Lock()
_failures = ThrottledLog(logging.getLogger(__name__))


def start_for_viewer() -> bool:
    """Start the feeds in the background, unless they run or an administrator stopped them; whether
    they are being started."""
    engine = feed_engine()
    services().begin()
    if services().member is not None:
        # The engine runs without viewers.
        return False
    is_needed = not engine.running and not feed_switch.are_stopped()
    if is_needed:
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        threading.Thread(
            target=_start_unless_stopped, args=(app,), name="start-feeds", daemon=True
        ).start()
    return is_needed


def _start_unless_stopped(app: Flask) -> None:
    with app.app_context(), _lock:
        try:
            if not feed_switch.are_stopped():
                _switch(ControlAction.START)
        except Exception as error:
            # The next viewer starts them.
            if not is_away(error):
                _failures.exception("the feeds could not be started")


def start_by_admin(user_id: int) -> Literal["started", "already_running"]:
    """Start the feeds, also after restarts; what they did."""
    with _lock:
        _remember(False, user_id)
        return "started" if _switch(ControlAction.START) else "already_running"


def stop_by_admin(user_id: int) -> Literal["stopped", "already_stopped"]:
    """Stop the feeds until an administrator starts them; what they did."""
    with _lock:
        _remember(True, user_id)
        return "stopped" if _switch(ControlAction.STOP) else "already_stopped"


def _switch(action: ControlAction) -> bool:
    """Start or stop the feeds; whether they were not so before."""
    engine = feed_engine()
    was_running = engine.running
    services().bus.publish(Control(action))
    is_start = action is ControlAction.START
    if not engine.becomes(is_start):
        if services().member is not None:
            # It is in the database, and the next engine obeys.
            raise EngineUnreached
        # The bus only logs what fails.
        raise RuntimeError(f"the feeds did not {action}")
    return is_start is not was_running


def _remember(stopped: bool, user_id: int) -> None:
    now = datetime.now(UTC)
    with transaction():
        feed_switch.remember(stopped, user_id, now)
        audit.record("stop_feeds" if stopped else "start_feeds", now, user_id=user_id)
