from datetime import datetime, timedelta

from omcrm.extensions import db
from omcrm.storage.feed_switch import FeedSwitch, are_stopped, remember


def test_a_new_installation_is_not_stopped(database: None) -> None:
    """Nobody has switched anything yet."""
    assert not are_stopped()


def test_a_stop_is_remembered_until_the_start(database: None, now: datetime) -> None:
    """What the administrator said last holds, over restarts."""
    remember(True, 7, now)
    db.session.commit()
    db.session.expire_all()
    stopped = are_stopped()
    remember(False, 8, now + timedelta(hours=1))
    db.session.commit()
    db.session.expire_all()

    assert stopped
    assert not are_stopped()


def test_there_is_one_row_that_says_who_and_when(database: None, now: datetime) -> None:
    """Switching again alters the same row."""
    remember(True, 7, now)
    db.session.commit()
    remember(True, 8, now + timedelta(hours=1))
    db.session.commit()
    (row,) = db.session.query(FeedSwitch)

    assert (True, 8, now + timedelta(hours=1)) == (row.stopped, row.changed_by, row.changed_at)


def test_is_not_kept_before_the_caller_commits(database: None, now: datetime) -> None:
    """A change that fails elsewhere leaves the switch as it was."""
    remember(True, 7, now)
    db.session.rollback()

    assert not are_stopped()
