"""The parts that an app is made of, as one typed object; `create_app` makes it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask, current_app

from omcrm.engine.bus import Bus, UserEventsWritten

if TYPE_CHECKING:
    # For their names only: rooms that these import use this module.
    from omcrm.auth.credential import Caller
    from omcrm.auth.recent_logins import RecentLogins
    from omcrm.engine.feed_engine import FeedEngine
    from omcrm.engine.market_view import MarketView
    from omcrm.gateways.finance_query.channels import DailyLimit
    from omcrm.gateways.finance_query.publisher import ChannelPublisher
    from omcrm.settings import Settings
    from omcrm.storage.health import DatabaseHealth
    from omcrm.streaming.client_registry import ClientRegistry
    from omcrm.streaming.client_session import ClientLimits
    from omcrm.streaming.event_delivery import EventDelivery
    from omcrm.webtrader.realtime_data import RealTimeDataManager

SERVICES = "omcrm.services"
"""The key of an app's `Services`, among its extensions."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Services:
    """What lives as long as the app and is reached from requests, sockets and threads.

    `market_view()` and `feed_engine()` (`omcrm/web/market_access.py`) give `view` and `engine` with
    the catalogue loaded.
    """

    settings: "Settings"
    manager: "RealTimeDataManager"
    client_registry: "ClientRegistry"
    recent_logins: "RecentLogins[Caller]"
    user_events: "EventDelivery"
    page_limits: "ClientLimits"
    publisher: "ChannelPublisher"
    # None without security.
    daily_limit: "DailyLimit | None"
    database_health: "DatabaseHealth"

    @property
    def bus(self) -> Bus:
        """The bus between the engine and the view."""
        return self.manager.bus

    @property
    def view(self) -> "MarketView":
        """The app's quotes and their subscribers."""
        return self.manager.view

    @property
    def engine(self) -> "FeedEngine":
        """The app's feeds."""
        return self.manager.engine


def services_of(app: Flask) -> Services:
    """The services of this app."""
    services: Services = app.extensions[SERVICES]
    return services


def services() -> Services:
    """The services of the current app."""
    return services_of(current_app)


def announce_user_events(user_ids: Collection[int]) -> None:
    """Publish that events to these users are in the database."""
    # An app that has a database only has nobody to announce them to.
    if SERVICES in current_app.extensions:
        services().bus.publish(UserEventsWritten(frozenset(user_ids)))
