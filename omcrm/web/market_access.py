"""The market-data system of the current app, with the catalogue loaded."""

from omcrm.engine.bus import Control, ControlAction, Holdings
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_view import MarketView
from omcrm.services import services
from omcrm.storage.portfolio import held_symbols


def market_view() -> MarketView:
    """The app's quotes and their subscribers, with the catalogue loaded."""
    view, bus = services().view, services().bus
    if not view.instruments:
        bus.publish(Holdings(held_symbols()))
        bus.publish(Control(ControlAction.CATALOGUE_CHANGED))
    return view


def feed_engine() -> FeedEngine:
    """The app's feeds and news, with the catalogue loaded."""
    market_view()
    return services().engine
