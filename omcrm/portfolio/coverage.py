"""How far a valuation may be trusted: how much of it is live, and what is missing."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from omcrm.market.amount import ZERO, percent, total
from omcrm.market.price_class import PriceClass

# From the class that may be trusted most to the one that may be trusted least.
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
    """What is valued by prices of one class; its share is of everything that counts."""

    price_class: PriceClass
    count: int
    value: Decimal
    is_counted: bool
    share_percent: Decimal | None


class OldestPrice(Struct, frozen=True, kw_only=True):
    """The price that was true longest ago."""

    symbol: str
    price_class: PriceClass
    age_seconds: float


class MissingValue(Struct, frozen=True, kw_only=True):
    """A holding that has no value, and why."""

    symbol: str
    reason: str


class Coverage(Struct, frozen=True, kw_only=True):
    """How a valuation came about.

    `live_percent` is of everything that counts; None where nothing does. `is_complete` says that
    every holding counts.
    """

    live_percent: Decimal | None
    is_complete: bool
    classes: tuple[ClassShare, ...]
    oldest: OldestPrice | None
    missing: tuple[MissingValue, ...]


class Valued(Protocol):
    """What a holding tells of its value."""

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


def weaker(one: PriceClass, other: PriceClass | None) -> PriceClass:
    """The class of what is made of two prices; None is no second one."""
    return one if other is None else max(one, other, key=TRUST.index)


def cover(holdings: Sequence[Valued], worth: Decimal) -> Coverage:
    """The coverage of these holdings, all that counts of which is worth so much."""
    valued = [holding for holding in holdings if holding.missing is None]
    shares = tuple(
        share
        for price_class in TRUST
        if (
            share := _share(
                price_class, [one for one in valued if one.price_class is price_class], worth
            )
        )
    )
    live = total(share.value for share in shares if share.price_class is PriceClass.LIVE)
    return Coverage(
        live_percent=percent(live, worth),
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
    price_class: PriceClass, holdings: Sequence[Valued], worth: Decimal
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
        share_percent=percent(amount, worth) if is_counted else None,
    )


def _oldest(holdings: Iterable[Valued]) -> OldestPrice | None:
    """The one that was true longest ago; a fixed price has no age that means anything."""
    aged = [holding for holding in holdings if holding.price_class is not PriceClass.LAST_RESORT]
    oldest = max(aged, key=lambda holding: holding.age_seconds or 0, default=None)
    if oldest is None or oldest.price_class is None or oldest.age_seconds is None:
        return None
    return OldestPrice(
        symbol=oldest.symbol, price_class=oldest.price_class, age_seconds=oldest.age_seconds
    )
