from datetime import datetime, timedelta

from omcrm.extensions import db
from omcrm.storage.feed_switch import FeedSwitch, are_stopped, remember


def test_a_new_installation_is_not_stopped(database: None) -> None:
    """There is no row yet."""
    assert not are_stopped()


def test_a_stop_is_stored_until_the_start(database: None, now: datetime) -> None:
    """The administrator's last action counts, over restarts."""
    remember(True, 7, now)
    db.session.commit()
    db.session.expire_all()
    stopped = are_stopped()
    remember(False, 8, now + timedelta(hours=1))
    db.session.commit()
    db.session.expire_all()

    assert stopped
    assert not are_stopped()


def test_there_is_one_row_with_user_and_time(database: None, now: datetime) -> None:
    """A second change updates the same row."""
    remember(True, 7, now)
    db.session.commit()
    remember(True, 8, now + timedelta(hours=1))
    db.session.commit()
    (row,) = db.session.query(FeedSwitch)

    assert (True, 8, now + timedelta(hours=1)) == (row.stopped, row.changed_by, row.changed_at)


def test_a_change_is_not_stored_before_the_caller_commits(database: None, now: datetime) -> None:
    """A transaction that fails elsewhere changes nothing."""
    remember(True, 7, now)
    db.session.rollback()

    assert not are_stopped()
