"""The dialect of Finance Query: four channels that send their whole state at each interval."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from omcrm.settings import Settings
    from omcrm.streaming.client_registry import ClientRegistry

PUBLISHER = "omcrm.finance_query.publisher"
"""The key of the channels' publisher, among an app's extensions."""

DAILY_LIMIT = "omcrm.finance_query.daily_limit"
"""The key of the daily limit of requests; its value is None without security."""


def init_finance_query(app: "Flask", settings: "Settings", registry: "ClientRegistry") -> None:
    """Create what the four channels share. The market-data system must exist already."""
    from omcrm.gateways.finance_query.channels import DailyLimit
    from omcrm.gateways.finance_query.publisher import ChannelPublisher
    from omcrm.web.market_access import VIEW

    market = app.extensions[VIEW]
    app.extensions[PUBLISHER] = ChannelPublisher(
        market, settings.stream_interval, app.app_context, registry.count
    )
    folder = settings.instance_path / "daily_requests"
    app.extensions[DAILY_LIMIT] = (
        DailyLimit(folder, settings.daily_request_limit) if settings.use_security else None
    )
