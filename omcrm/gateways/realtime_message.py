"""Reads the inbound messages of `/ws/realtime/`, and describes each of them."""

from typing import Any

from omcrm.gateways.inbound import Inbound
from omcrm.wire.realtime import REALTIME
from omcrm.wire.realtime_request import (
    GetAssetPrice,
    GetPortfolioValue,
    RealtimePing,
    RealtimeResume,
    SubscribeAsset,
    SubscribePortfolio,
    UnsubscribeAsset,
    UnsubscribePortfolio,
)

NO_SYMBOL = "Symbol is required"
DENIED = "Access denied to portfolio"
"""The error for somebody else's portfolio and for one that does not exist."""


ABOUT = {
    RealtimePing: "Health check message",
    RealtimeResume: "Get the events to you that you missed, and all later ones",
    SubscribeAsset: "Subscribe to asset price updates",
    UnsubscribeAsset: "Unsubscribe from asset price updates",
    SubscribePortfolio: "Subscribe to value updates of a portfolio of yours",
    UnsubscribePortfolio: "Unsubscribe from value updates of a portfolio",
    GetAssetPrice: "Get the current price of an asset",
    GetPortfolioValue: "Get the current value of a portfolio of yours",
}
"""A description of every inbound message."""

MESSAGE_TYPES = {str(item.__struct_config__.tag): about for item, about in ABOUT.items()}

inbound: Inbound[Any] = Inbound(
    REALTIME,
    unknown="Unknown message type",
    invalid={
        kind: DENIED if "portfolio" in kind else NO_SYMBOL
        for kind in MESSAGE_TYPES
        if kind not in ("ping", "resume")
    },
)
