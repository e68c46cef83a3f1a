"""Reads the inbound messages of `/ws/realtime/`, and describes each of them."""

from typing import Any

from omcrm.gateways.inbound import Inbound
from omcrm.wire.realtime import REALTIME

NO_SYMBOL = "Symbol is required"
DENIED = "Access denied to portfolio"
"""The error for somebody else's portfolio and for one that does not exist."""

MESSAGE_TYPES = {
    "ping": "Health check message",
    "resume": "Get the events to you that you missed, and all later ones",
    "subscribe_asset": "Subscribe to asset price updates",
    "unsubscribe_asset": "Unsubscribe from asset price updates",
    "subscribe_portfolio": "Subscribe to value updates of a portfolio of yours",
    "unsubscribe_portfolio": "Unsubscribe from value updates of a portfolio",
    "get_asset_price": "Get the current price of an asset",
    "get_portfolio_value": "Get the current value of a portfolio of yours",
}
"""What each inbound message is for, as the HTTP route of this dialect says it."""

inbound: Inbound[Any] = Inbound(
    REALTIME,
    unknown="Unknown message type",
    invalid={
        kind: DENIED if "portfolio" in kind else NO_SYMBOL
        for kind in MESSAGE_TYPES
        if kind not in ("ping", "resume")
    },
)
