"""What clients of `/ws/realtime/` say; the envelope's own timestamp is not looked at."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from omcrm.gateways.inbound import Inbound

NO_SYMBOL = "Symbol is required"
DENIED = "Access denied to portfolio"
"""Also of one that does not exist."""


class AssetRef(Struct, frozen=True):
    """Which asset is meant."""

    symbol: Annotated[str, Meta(pattern=r"\S")]


class PortfolioRef(Struct, frozen=True):
    """Which portfolio is meant: its number, or that as text."""

    portfolio_id: int | Annotated[str, Meta(pattern=r"^[0-9]{1,10}(?!\n)$")]


class RealtimeMessage(Struct, frozen=True, tag_field="type"):
    """An envelope."""


class RealtimePing(RealtimeMessage, frozen=True, tag="ping"):
    """Ask for a sign of life."""


class SubscribeAsset(RealtimeMessage, frozen=True, tag="subscribe_asset"):
    """Ask for the prices of an asset."""

    data: AssetRef


class UnsubscribeAsset(RealtimeMessage, frozen=True, tag="unsubscribe_asset"):
    """Ask for them no more."""

    data: AssetRef


class SubscribePortfolio(RealtimeMessage, frozen=True, tag="subscribe_portfolio"):
    """Ask for the value of a portfolio."""

    data: PortfolioRef


class UnsubscribePortfolio(RealtimeMessage, frozen=True, tag="unsubscribe_portfolio"):
    """Ask for it no more."""

    data: PortfolioRef


class GetAssetPrice(RealtimeMessage, frozen=True, tag="get_asset_price"):
    """Ask for one price, now."""

    data: AssetRef


class GetPortfolioValue(RealtimeMessage, frozen=True, tag="get_portfolio_value"):
    """Ask for one value, now."""

    data: PortfolioRef


ABOUT = {
    RealtimePing: "Health check message",
    SubscribeAsset: "Subscribe to asset price updates",
    UnsubscribeAsset: "Unsubscribe from asset price updates",
    SubscribePortfolio: "Subscribe to value updates of a portfolio of yours",
    UnsubscribePortfolio: "Unsubscribe from value updates of a portfolio",
    GetAssetPrice: "Get the current price of an asset",
    GetPortfolioValue: "Get the current value of a portfolio of yours",
}
"""Every message that is understood, in words."""

MESSAGE_TYPES = {str(item.__struct_config__.tag): about for item, about in ABOUT.items()}

AboutAsset = SubscribeAsset | UnsubscribeAsset | GetAssetPrice
inbound: Inbound[Any] = Inbound(
    AboutAsset | SubscribePortfolio | UnsubscribePortfolio | GetPortfolioValue | RealtimePing,
    unknown="Unknown message type",
    invalid={
        kind: DENIED if "portfolio" in kind else NO_SYMBOL
        for kind in MESSAGE_TYPES
        if kind != "ping"
    },
)
