"""The coverage of a valuation: how much of it is live, and what is missing."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from omcrm.market.amount import ZERO, percent, total
from omcrm.market.price_class import PriceClass

# From the most to the least trusted class.
TRUST = (
    PriceClass.LIVE,
    PriceClass.CLOSED,
    PriceClass.DELAYED,
    PriceClass.INDICATIVE,
    PriceClass.STALE,
    PriceClass.SIMULATED,
    PriceClass.LAST_RESORT,
)


class ClassShare(Struct, frozen=True, kw_only=True):
    """The holdings valued by prices of one class; the share is of the counted total."""

    price_class: PriceClass
    count: int
    value: Decimal
    is_counted: bool
    share_percent: Decimal | None


class OldestPrice(Struct, frozen=True, kw_only=True):
    """The oldest price of a valuation."""

    symbol: str
    price_class: PriceClass
    age_seconds: float


class MissingValue(Struct, frozen=True, kw_only=True):
    """A holding without a value, and the reason."""

    symbol: str
    reason: str


class Coverage(Struct, frozen=True, kw_only=True):
    """The price classes behind a valuation, its oldest price and its missing values.

    `live_percent` is of the counted total; None where nothing counts. `is_complete` is whether
    every holding counts.
    """

    live_percent: Decimal | None
    is_complete: bool
    classes: tuple[ClassShare, ...]
    oldest: OldestPrice | None
    missing: tuple[MissingValue, ...]


class Valued(Protocol):
    """What coverage needs of a valued holding."""

    @property
    def symbol(self) -> str: ...
    @property
    def price_class(self) -> PriceClass | None: ...
    @property
    def age_seconds(self) -> float | None: ...
    @property
    def value(self) -> Decimal | None: ...
    @property
    def is_counted(self) -> bool: ...
    @property
    def missing(self) -> str | None: ...


def worst_class(one: PriceClass, other: PriceClass | None) -> PriceClass:
    """The less trusted class of two prices; `other` is None where there is only one."""
    return one if other is None else max(one, other, key=TRUST.index)


def coverage_of(holdings: Sequence[Valued], total_value: Decimal) -> Coverage:
    """The coverage of these holdings; `total_value` is the value of those that count."""
    valued = [holding for holding in holdings if holding.missing is None]
    shares = tuple(
        share
        for price_class in TRUST
        if (
            share := _share(
                price_class, [one for one in valued if one.price_class is price_class], total_value
            )
        )
    )
    live = total(share.value for share in shares if share.price_class is PriceClass.LIVE)
    return Coverage(
        live_percent=percent(live, total_value),
        is_complete=all(holding.is_counted for holding in holdings),
        classes=shares,
        oldest=_oldest(valued),
        missing=tuple(
            MissingValue(symbol=holding.symbol, reason=holding.missing)
            for holding in holdings
            if holding.missing is not None
        ),
    )


def _share(
    price_class: PriceClass, holdings: Sequence[Valued], total_value: Decimal
) -> ClassShare | None:
    if not holdings:
        return None
    is_counted = all(holding.is_counted for holding in holdings)
    amount = total(holding.value or ZERO for holding in holdings)
    return ClassShare(
        price_class=price_class,
        count=len(holdings),
        value=amount,
        is_counted=is_counted,
        share_percent=percent(amount, total_value) if is_counted else None,
    )


def _oldest(holdings: Iterable[Valued]) -> OldestPrice | None:
    """The oldest price; fixed prices are ignored, because their age means nothing."""
    aged = [holding for holding in holdings if holding.price_class is not PriceClass.LAST_RESORT]
    oldest = max(aged, key=lambda holding: holding.age_seconds or 0, default=None)
    if oldest is None or oldest.price_class is None or oldest.age_seconds is None:
        return None
    return OldestPrice(
        symbol=oldest.symbol, price_class=oldest.price_class, age_seconds=oldest.age_seconds
    )
