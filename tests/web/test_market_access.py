from datetime import UTC, datetime
from decimal import Decimal

from flask import Flask

from omcrm.engine.bus import Holdings
from omcrm.extensions import db
from omcrm.feeds.usual_name import with_usual_names
from omcrm.services import services
from omcrm.storage.instrument import find_instrument
from omcrm.storage.portfolio import HoldingRow, PortfolioRow
from omcrm.storage.user import Role, User
from omcrm.web.market_access import feed_engine, market_view


def test_the_first_access_loads_the_catalogue(app: Flask) -> None:
    """The instruments of the database are subscribed."""
    with app.app_context():
        view = market_view()

        assert 24 == len(view.instruments)
        assert view.cache.get("BTC") is None
        assert view is market_view()
        named = map(with_usual_names, view.instruments.values())
        assert {item.symbol: item for item in named} == feed_engine().instruments


def test_held_symbols_are_loaded(app: Flask) -> None:
    """After a restart the symbols of portfolios are requested like watched ones."""
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

        held: list[Holdings] = []
        services().bus.subscribe(Holdings, held.append)
        market_view()

        assert [Holdings(frozenset({"BTC"}))] == held
