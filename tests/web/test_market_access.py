from datetime import UTC, datetime
from decimal import Decimal

from flask import Flask

from omcrm.extensions import db
from omcrm.storage.instrument import find_instrument
from omcrm.storage.portfolio import HoldingRow, PortfolioRow
from omcrm.storage.user import Role, User
from omcrm.web.market_access import market


def test_it_comes_with_its_catalogue(app: Flask) -> None:
    """Whoever asks first finds the instruments of the database followed."""
    with app.app_context():
        found = market()

        assert 24 == len(found.instruments)
        assert found.cache.get("BTC") is None
        assert frozenset() == found.held
        assert found is market()


def test_it_knows_what_is_held_from_before(app: Flask) -> None:
    """After a restart what is in somebody's portfolio is asked for as if it were watched."""
    now = datetime.now(UTC)
    with app.app_context():
        user = User(email="a@example.com", password_hash="", role=Role.CLIENT, created_at=now)
        db.session.add(user)
        db.session.flush()
        row = PortfolioRow(user_id=user.id, name="Growth", created_at=now, updated_at=now)
        figures = {"quantity": Decimal(1), "average_cost": Decimal(1)}
        row.holdings.append(HoldingRow(instrument=find_instrument("BTC"), **figures))
        db.session.add(row)
        db.session.commit()

        assert frozenset({"BTC"}) == market().held
