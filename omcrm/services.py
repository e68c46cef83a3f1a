"""The parts that an app is made of, as one typed object; `create_app` makes it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask, current_app

from omcrm.engine.bus import Bus, UserEventsWritten

if TYPE_CHECKING:
    # For their names only: rooms that these import use this module.
    from omcrm.auth.credential import Caller
    from omcrm.auth.recent_logins import RecentLogins
    from omcrm.bus_member import BusMember
    from omcrm.engine.market_engine import MarketEngine
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
    engine: "MarketEngine"
    # None in an installation of one process.
    member: "BusMember | None"
    # Called in each transaction of the engine: raises LeaseLost where another process leads.
    fence: Callable[[], None]
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

    def begin(self) -> None:
        """Begin what an installation of several processes needs without a viewer; twice is once."""
        if self.member is not None:
            self.member.start()

    def stop(self) -> None:
        """End the feeds and everything that runs with them."""
        if self.member is not None:
            self.member.stop()
        self.manager.stop()


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
