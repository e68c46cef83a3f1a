from pathlib import Path

import pytest
from flask import Flask

from omcrm.engine.lease import Lease
from omcrm.errors import LeaseLost, LeaseUnreached
from omcrm.extensions import db
from omcrm.storage.transaction import transaction
from omcrm.web.stored_lease import StoredLease, fence_of


def test_it_is_kept_in_the_database(app: Flask) -> None:
    """Each call is a transaction of its own."""
    lease = StoredLease(app.app_context, "host:1")

    assert 1 == lease.take(60, 0)
    assert lease.take(60, 0) is None
    assert lease.renew(1, 60)
    lease.give_back(1)
    assert 2 == lease.take(60, 0)


def test_what_another_engine_wrote_is_not_overwritten(app: Flask) -> None:
    """A leader that does not know yet that it was paused is stopped in its own transaction."""
    first = Lease(StoredLease(app.app_context, "host:1"), length=-1, clock=lambda: 0.0)
    second = Lease(StoredLease(app.app_context, "host:2"))
    first.step()
    first._ends_at = 60.0
    with app.app_context(), transaction():
        fence_of(first)()
    second.step()

    assert (1, True, 2) == (first.token, first.is_sure, second.token)
    with app.app_context():
        with pytest.raises(LeaseLost), transaction():
            fence_of(first)()
        with transaction():
            fence_of(second)()


def test_a_database_that_is_away_is_named(app: Flask, tmp_path: Path) -> None:
    """In one line, for the log."""
    with app.app_context():
        db.drop_all()
        with pytest.raises(LeaseUnreached) as unreached:
            StoredLease(app.app_context, "host:1").take(60, 0)

    assert "no such table" in str(unreached.value)
    assert "\n" not in str(unreached.value)
