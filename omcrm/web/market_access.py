"""The market-data system of the current app, with the catalogue loaded."""

from sqlalchemy.exc import SQLAlchemyError

from omcrm.engine.bus import Holdings
from omcrm.engine.elected_engine import ElectedEngine
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_engine import MarketEngine
from omcrm.engine.market_view import MarketView
from omcrm.services import services
from omcrm.storage.instrument import active_instruments
from omcrm.storage.portfolio import held_symbols
from omcrm.web.database_away import is_away


def market_view() -> MarketView:
    """The app's quotes and their subscribers, with the catalogue loaded."""
    view, bus = services().view, services().bus
    if not view.instruments:
        bus.publish(Holdings(held_symbols()))
        load_catalogue()
    return view


def feed_engine() -> MarketEngine:
    """The installation's feeds, with the catalogue loaded."""
    market_view()
    return services().engine


def own_engine() -> FeedEngine | None:
    """The engine of this process; None where another process has the lease."""
    engine = feed_engine()
    return engine.own if isinstance(engine, ElectedEngine) else services().manager.engine


def load_catalogue() -> None:
    """Follow the instruments that the database has now."""
    try:
        services().manager.follow(active_instruments())
    except SQLAlchemyError as error:
        # As long as there is no catalogue, each request tries again.
        if not is_away(error):
            raise
