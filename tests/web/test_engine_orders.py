from datetime import UTC, datetime

from flask import Flask

from omcrm.extensions import db
from omcrm.market.catalogue import CATALOGUE
from omcrm.storage import feed_switch
from omcrm.storage.transaction import transaction
from omcrm.web.engine_orders import read_orders


def test_they_are_what_the_database_says(app: Flask) -> None:
    """The instruments, what is held, and whether an administrator stopped the feeds."""
    before = read_orders(app.app_context)
    with app.app_context(), transaction():
        feed_switch.remember(True, None, datetime.now(UTC))
    after = read_orders(app.app_context)

    assert before is not None
    assert after is not None
    assert [item.symbol for item in CATALOGUE] == [item.symbol for item in before.instruments]
    assert (False, True) == (before.are_stopped, after.are_stopped)
    assert frozenset() == before.held


def test_without_the_database_there_are_none(app: Flask) -> None:
    """Whoever asks goes on with the last ones."""
    with app.app_context():
        db.drop_all()

    assert read_orders(app.app_context) is None
