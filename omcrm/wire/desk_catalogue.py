"""The catalogue, prices and candles, as the desk's routes answer them."""

from typing import Annotated, Literal, Self

from msgspec import Meta, Struct

from omcrm.market.bar import KEPT, Timeframe
from omcrm.market.instrument import Instrument
from omcrm.market.session import Calendar
from omcrm.wire.answer import JsonDone
from omcrm.wire.desk import DeskBrief, DeskCandles, DeskPriceUpdate
from omcrm.wire.desk_market import DeskMarketStatus
from omcrm.wire.field import Number

# `success` is not `kw_only`, so that it stays the first field.


class DeskPrice(DeskPriceUpdate, frozen=True):
    """A price, as the desk's pages receive it."""

    success: Literal[True] = True


class DeskChartData(DeskCandles, frozen=True):
    """Real candles, or none."""

    success: Literal[True] = True


class DeskMarkets(DeskMarketStatus, frozen=True):
    """Which markets are open, and how the feeds are doing."""

    success: Literal[True] = True


class DeskChartQuery(Struct, frozen=True, kw_only=True):
    """Which candles are requested."""

    timeframe: Timeframe = "1m"
    limit: Annotated[int, Meta(ge=1, le=KEPT)] = 200


class DeskDescribed(DeskBrief, frozen=True, kw_only=True):
    """An instrument of the catalogue; `decimals` is how many digits a price is shown with.

    `currency` is what a price is in, null where it is not known. `storage_scale` is how many
    decimals of a price are stored. `calendar` names the trading hours.
    """

    decimals: int
    currency: str | None
    price_step: Number
    quantity_step: Number
    minimum_quantity: Number
    maximum_quantity: Number
    storage_scale: int
    calendar: Calendar

    @classmethod
    def of(cls, instrument: Instrument) -> Self:
        """The entry of an instrument."""
        return cls(
            id=instrument.id,
            symbol=instrument.symbol,
            name=instrument.name,
            type=instrument.asset_class,
            decimals=instrument.decimals,
            currency=instrument.currency,
            price_step=instrument.price_step,
            quantity_step=instrument.quantity_step,
            minimum_quantity=instrument.minimum_quantity,
            maximum_quantity=instrument.maximum_quantity,
            storage_scale=instrument.storage_scale,
            calendar=instrument.calendar,
        )


class DeskCatalogue(JsonDone, frozen=True, kw_only=True):
    """All active instruments."""

    instruments: list[DeskDescribed]
