"""Starting and stopping the feeds, and the stored state."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from omcrm.auth.service import create_user
from omcrm.extensions import db
from omcrm.storage import feed_switch
from omcrm.storage.user import Role
from omcrm.web import feed_control
from omcrm.web.market_access import feed_engine, market_view
from tests.processes import wait_for
from tests.threads import Threads


def test_the_first_viewer_starts_the_feeds(app: Flask) -> None:
    """Feeds that were not stopped run within two seconds of the first viewer."""
    with app.app_context():
        feed_control.start_for_viewer()

        view = market_view()
        wait_for(lambda: feed_engine().running and len(view.cache.snapshot()) == 24, 2, "the start")


def test_what_an_administrator_stopped_stays_stopped(app: Flask) -> None:
    """A viewer does not start them, and neither does a restart: the stop is in the database."""
    with app.app_context():
        admin = create_user("boss@example.com", "correct horse", Role.ADMIN, datetime.now(UTC)).id
        feed_control.start_by_admin(admin)
        assert "stopped" == feed_control.stop_by_admin(admin)
        feed_control.start_for_viewer()

        assert not feed_engine().running
        assert feed_switch.are_stopped()
        assert "started" == feed_control.start_by_admin(admin)
        assert not feed_switch.are_stopped()


def test_without_a_database_nothing_fails(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """If the database fails before the feeds are started, one line is logged, and no traceback."""
    with app.app_context():
        market_view()
        path = Path(db.engine.url.database or "")
        path.rename(path.with_name("gone"))
        db.engine.dispose()

        feed_control._start_unless_stopped(app)

        assert not feed_engine().running
    assert not [record for record in caplog.records if record.exc_info]


def test_the_stored_state_and_the_running_feeds_agree(app: Flask, restless: None) -> None:
    """In any race of administrators and viewers, feeds that are stored as stopped do not run."""

    def race(act: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            with app.app_context():
                act()

        return threading.Thread(target=run)

    with app.app_context():
        admin = create_user("boss@example.com", "correct horse", Role.ADMIN, datetime.now(UTC)).id
        for _ in range(10):
            acts = [
                lambda: feed_control.start_by_admin(admin),
                lambda: feed_control.stop_by_admin(admin),
                feed_control.start_for_viewer,
            ]
            threads = [race(act) for act in acts]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            db.session.rollback()

            stopped = feed_switch.are_stopped()
            wait_for(lambda stopped=stopped: feed_engine().running is not stopped, 2)
            db.session.rollback()


def test_a_start_that_fails_is_not_reported_as_done(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bus only logs the failure; the administrator gets an error."""
    with app.app_context():
        admin = create_user("boss@example.com", "correct horse", Role.ADMIN, datetime.now(UTC)).id
        monkeypatch.setattr(feed_engine(), "start", lambda: 1 // 0)

        with pytest.raises(RuntimeError, match="did not start"):
            feed_control.start_by_admin(admin)


def test_a_failing_start_for_viewers_does_not_fill_the_log(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    threads: Threads,
) -> None:
    """Every viewer tries again; a line a second says why it failed."""
    began = time.monotonic()
    with app.app_context():
        monkeypatch.setattr(feed_engine(), "start", lambda: 1 // 0)
        for _ in range(50):
            feed_control.start_for_viewer()
        wait_for(lambda: not threads.count("start-feeds"))
        market_view().stop()

    lines = [record for record in caplog.records if "could not be started" in record.message]
    assert 1 <= len(lines) <= 1 + (time.monotonic() - began)
