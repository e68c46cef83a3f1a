"""The dialect of Finance Query: four channels that tell everything anew at each interval."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from omcrm.gateways.client_registry import ClientRegistry
    from omcrm.settings import Settings

BOARD = "omcrm.finance_query.board"
"""What is told on the channels and to whom, among an app's extensions."""

DAILY_LIMIT = "omcrm.finance_query.daily_limit"
"""Who may ask how often; None where nothing is guarded."""


def init_finance_query(app: "Flask", settings: "Settings", registry: "ClientRegistry") -> None:
    """What the four channels share. The market-data system must be there already."""
    from omcrm.gateways.finance_query.daily_limit import DailyLimit
    from omcrm.gateways.finance_query.publisher import ChannelPublisher
    from omcrm.web.market_access import MARKET

    market = app.extensions[MARKET]
    app.extensions[BOARD] = ChannelPublisher(
        market, settings.stream_interval, app.app_context, registry.count
    )
    folder = settings.instance_path / "daily_requests"
    app.extensions[DAILY_LIMIT] = (
        DailyLimit(folder, settings.daily_request_limit) if settings.use_security else None
    )
