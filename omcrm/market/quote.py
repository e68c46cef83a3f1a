"""The quote: the consolidated price of one symbol, exactly as it is shown."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from omcrm.market.amount import minus
from omcrm.market.price_class import PriceClass
from omcrm.market.source import Source

Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]
"""A time with its zone: a decoder refuses others."""


class PriceBasis(StrEnum):
    """What `last` is."""

    TRADE = "trade"
    MID = "mid"


MID = PriceBasis.MID


class ChangeBasis(StrEnum):
    """Which price the day's change is counted from."""

    DAY_AGO = "24h"
    PREVIOUS_CLOSE = "previous_close"


class StaleReason(StrEnum):
    """Why a price is stale."""

    AGE = "age"
    SOURCE_DOWN = "source_down"
    CONTRADICTED = "contradicted"
    CANCELLED = "cancelled"


class Quote(Struct, frozen=True, array_like=True):
    """The price that is shown, as one flat value; None for what the source did not report.

    `seq` grows with every change of any symbol. `received_at` is when the newest tick arrived,
    `last_received_at` when the one that brought `last` did; at `confirmed_at` the last price was
    true: it was traded, or lay within a book that arrived then. `trade_number` counts the trades of
    this symbol and source. The day's figures are the source's; `change_percent` is its own figure,
    `change_from` the price that a change is counted from. `recorded_at` is when the recording
    began that is played back, None of a price of now. `divergence` says how far another live source
    is, as a fraction, where that is far more than usual.

    `ineligible_time` is set on the quote that a trade caused whose conditions do not let it set
    `last`: its price, None unless it may be a high or low, and its size, None unless it counts in
    the volume. Only bars take it.

    Between processes it travels as a list of its fields: a new field is the last one.
    """

    symbol: str
    seq: int
    price_class: PriceClass
    source: Source
    last: Decimal
    received_at: Moment
    last_received_at: Moment
    confirmed_at: Moment
    provider_time: Moment | None = None
    last_size: Decimal | None = None
    trade_id: int | None = None
    trade_number: int = 1
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None
    change_percent: Decimal | None = None
    change_from: Decimal | None = None
    change_basis: ChangeBasis | None = None
    price_basis: PriceBasis = PriceBasis.TRADE
    stale_reason: StaleReason | None = None
    recorded_at: Moment | None = None
    divergence: float | None = None
    ineligible_time: Moment | None = None
    ineligible_price: Decimal | None = None
    ineligible_size: Decimal | None = None

    @property
    def change(self) -> Decimal | None:
        """The day's change as an amount, exact."""
        return None if self.change_from is None else minus(self.last, self.change_from)

    @property
    def previous_close(self) -> Decimal | None:
        """The close of the session before, where the day's change is counted from it."""
        return self.change_from if self.change_basis is ChangeBasis.PREVIOUS_CLOSE else None

    def age(self, now: datetime) -> timedelta:
        """How long ago the last price was true at its source, as far as is known here."""
        return now - self.confirmed_at

    def is_alike(self, other: "Quote") -> bool:
        """Whether prices, class and source are the same; day figures, sizes and age may differ."""
        return (
            self.price_class is other.price_class
            and self.source == other.source
            and self.last == other.last
            and self.bid == other.bid
            and self.ask == other.ask
        )
