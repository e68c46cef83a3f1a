"""Access to the market-data system of the current app, one part at a time."""

from flask import current_app

from omcrm.engine.bus import Control, ControlAction, Holdings
from omcrm.engine.feed_engine import FeedEngine
from omcrm.engine.market_view import MarketView
from omcrm.extensions import app_bus
from omcrm.storage.portfolio import held_symbols

VIEW = "omcrm.market_view"
ENGINE = "omcrm.feed_engine"


def market_view() -> MarketView:
    """The app's quotes and their subscribers, with the catalogue loaded."""
    view: MarketView = current_app.extensions[VIEW]
    if not view.instruments:
        app_bus().publish(Holdings(held_symbols()))
        app_bus().publish(Control(ControlAction.CATALOGUE_CHANGED))
    return view


def feed_engine() -> FeedEngine:
    """The app's feeds and news, with the catalogue loaded."""
    market_view()
    engine: FeedEngine = current_app.extensions[ENGINE]
    return engine
