"""Events of the feeds are stored, or logged if that fails."""

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from omcrm.extensions import db
from omcrm.market.feed_event import FeedEvent, FeedEventKind
from omcrm.storage import feed_event
from omcrm.webtrader.feed_log import FeedLog


def event(reason: str = "streaming", age: timedelta = timedelta(0)) -> FeedEvent:
    moment = datetime.now(UTC).replace(microsecond=0) - age
    return FeedEvent(at=moment, kind=FeedEventKind.STATE, source="binance", reason=reason)


def kept(app: Flask) -> list[FeedEvent]:
    with app.app_context():
        return feed_event.recent(100)


def test_events_are_stored_from_any_thread(app: Flask) -> None:
    """The feeds' own thread has no app context before and after."""
    events = [event("one"), event("two")]
    thread = threading.Thread(target=FeedLog(app).write, args=(events,))
    thread.start()
    thread.join()

    assert events[::-1] == kept(app)


def test_old_events_are_deleted(app: Flask) -> None:
    """The first event after a start deletes the old ones."""
    old, new = event("old", feed_event.KEPT_FOR + timedelta(days=1)), event("new")
    with app.app_context():
        feed_event.add([old])
        db.session.commit()
    FeedLog(app).write([new])

    assert [new] == kept(app)


def test_old_events_are_not_deleted_at_every_event(app: Flask) -> None:
    """Only every few hours."""
    log = FeedLog(app)
    log.write([event("first")])
    old = event("old", feed_event.KEPT_FOR + timedelta(days=1))
    with app.app_context():
        feed_event.add([old])
        db.session.commit()
    log.write([event("second")])

    assert ["second", "old", "first"] == [entry.reason for entry in kept(app)]


def test_events_that_cannot_be_stored_are_logged(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """A failing database stops no feed, and the events are in the log."""
    with app.app_context():
        feed_event.FeedEventRow.__table__.drop(db.engine)
    log = FeedLog(app)
    with caplog.at_level(logging.WARNING):
        log.write([event("lost")])

    (record,) = caplog.records
    assert "event not stored (OperationalError)" in record.getMessage()
    assert "lost" in record.getMessage()
    with app.app_context():
        feed_event.FeedEventRow.__table__.create(db.engine)
    log.write([event("found")])
    assert ["found"] == [entry.reason for entry in kept(app)]
