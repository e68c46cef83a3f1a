"""Stores the events of the feeds in the database."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from omcrm.errors import LeaseLost
from omcrm.market.feed_event import FeedEvent
from omcrm.storage import feed_event
from omcrm.storage.transaction import transaction

_log = logging.getLogger(__name__)

_TIDY_EVERY = timedelta(hours=6)


class FeedLog:
    """Stores the events of one app's feeds; called in the feeds' own thread."""

    def __init__(self, app: Flask, fence: Callable[[], None] = lambda: None) -> None:
        self._app = app
        self._fence = fence
        self._tidied_at: datetime | None = None

    def write(self, events: Sequence[FeedEvent]) -> None:
        """Store the events; if the database fails, log them instead."""
        now = datetime.now(UTC)
        with self._app.app_context():
            try:
                with transaction():
                    self._fence()
                    feed_event.add(events)
                    if self._tidied_at is None or now - self._tidied_at > _TIDY_EVERY:
                        self._tidied_at = now
                        feed_event.forget_old(now)
            except LeaseLost as lost:
                # Without a token they are those of another engine, which stores them itself.
                if lost.token is not None:
                    _log.warning("%s events not stored: %s", len(events), lost)
            except SQLAlchemyError as error:
                for event in events:
                    _log.warning("event not stored (%s): %s", type(error).__name__, event)
