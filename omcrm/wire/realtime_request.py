"""What clients send to `/ws/realtime/`; the envelope's own timestamp is ignored."""

from typing import Annotated

from msgspec import Meta, Struct

from omcrm.wire.user_event import ResumeAfter


class AssetRef(Struct, frozen=True):
    """The asset of a message."""

    symbol: Annotated[str, Meta(pattern=r"\S")]


class PortfolioRef(Struct, frozen=True):
    """The portfolio of a message: its number, or the number as text."""

    portfolio_id: int | Annotated[str, Meta(pattern=r"^[0-9]{1,10}(?!\n)$")]


class RealtimeMessage(Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """An envelope."""


class RealtimePing(RealtimeMessage, frozen=True, tag="ping"):
    """Ask for a `pong`."""


class RealtimeResume(RealtimeMessage, frozen=True, tag="resume"):
    """Ask for the events to the caller after the last one that the client has."""

    data: ResumeAfter = ResumeAfter()


class SubscribeAsset(RealtimeMessage, frozen=True, tag="subscribe_asset"):
    """Subscribe to the prices of an asset."""

    data: AssetRef


class UnsubscribeAsset(RealtimeMessage, frozen=True, tag="unsubscribe_asset"):
    """Unsubscribe from the prices of an asset."""

    data: AssetRef


class SubscribePortfolio(RealtimeMessage, frozen=True, tag="subscribe_portfolio"):
    """Subscribe to the value of a portfolio."""

    data: PortfolioRef


class UnsubscribePortfolio(RealtimeMessage, frozen=True, tag="unsubscribe_portfolio"):
    """Unsubscribe from the value of a portfolio."""

    data: PortfolioRef


class GetAssetPrice(RealtimeMessage, frozen=True, tag="get_asset_price"):
    """Ask for the current price of an asset."""

    data: AssetRef


class GetPortfolioValue(RealtimeMessage, frozen=True, tag="get_portfolio_value"):
    """Ask for the current value of a portfolio."""

    data: PortfolioRef
