"""The valuation of holdings by quotes, in dollars, and its coverage: how much of it is live.

Long for a reason: the parts of a valuation and their computation are read together.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, structs

from omcrm.market.amount import ZERO, minus, percent, times, total
from omcrm.market.currency import DOLLAR, Rate, rate_of
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.portfolio.holding import Holding, Portfolio

# From the most to the least trusted class.
TRUST = (
    PriceClass.LIVE,
    PriceClass.CLOSED,
    PriceClass.DELAYED,
    PriceClass.INDICATIVE,
    PriceClass.STALE,
    PriceClass.REPLAYED,
    PriceClass.SIMULATED,
    PriceClass.LAST_RESORT,
)
_DEMO_ONLY = frozenset({PriceClass.REPLAYED, PriceClass.SIMULATED})
_NEVER = frozenset({PriceClass.LAST_RESORT})


class Missing(StrEnum):
    """The reason for which a holding has no value."""

    NOT_FOLLOWED = "not_followed"
    NO_PRICE = "no_price"
    NO_RATE = "no_rate"
    UNKNOWN_CURRENCY = "unknown_currency"


class ValuedHolding(Struct, frozen=True, kw_only=True):
    """One holding and its value; unknown values are None, with `missing` as the reason.

    `price` and `average_cost` are in `currency`; `value`, `cost`, `profit`, `value_before` and
    `daily_change` in dollars, by the current rate of `rate_symbol`. `price_class` is the less
    trusted class and `age_seconds` the higher age of price and rate, `recorded_at` when the
    recording of one of them began, if it is of one. A holding that is not `is_counted` is in no
    total. `daily_change_basis` is `24h` or `previous_close`.
    `share_percent` is of the counted total.
    """

    symbol: str
    name: str
    asset_class: str
    decimals: int
    quantity: Decimal
    average_cost: Decimal
    currency: str | None = None
    price: Decimal | None = None
    price_class: PriceClass | None = None
    source: str | None = None
    age_seconds: float | None = None
    recorded_at: datetime | None = None
    rate_symbol: str | None = None
    rate_is_inverse: bool = False
    value: Decimal | None = None
    cost: Decimal | None = None
    profit: Decimal | None = None
    profit_percent: Decimal | None = None
    value_before: Decimal | None = None
    daily_change: Decimal | None = None
    daily_change_percent: Decimal | None = None
    daily_change_basis: str | None = None
    share_percent: Decimal | None = None
    is_counted: bool = False
    missing: Missing | None = None


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


class Valuation(Struct, frozen=True, kw_only=True):
    """The value of a portfolio in dollars at one moment.

    Totals are over the holdings that count; they are None where there are holdings and none of
    them counts. `not_counted_value` is the value of the others by their last-resort, simulated
    or replayed prices. The daily change is over the holdings that have one; `no_daily_change`
    names the rest.
    """

    portfolio_id: int
    name: str
    version: int
    currency: str
    valued_at: datetime
    total_value: Decimal | None
    cost: Decimal | None
    profit: Decimal | None
    profit_percent: Decimal | None
    daily_change: Decimal | None
    daily_change_percent: Decimal | None
    no_daily_change: tuple[str, ...]
    not_counted_value: Decimal
    coverage: Coverage
    holdings: tuple[ValuedHolding, ...]


# Values


def counted_classes(demo: bool) -> frozenset[PriceClass]:
    """The price classes that count; simulated and replayed prices only in a demonstration."""
    return frozenset(PriceClass) - _NEVER - (frozenset() if demo else _DEMO_ONLY)


def worst_class(one: PriceClass, other: PriceClass | None) -> PriceClass:
    """The less trusted class of two prices; `other` is None where there is only one."""
    return one if other is None else max(one, other, key=TRUST.index)


def value(
    portfolio: Portfolio, quotes: Mapping[str, Quote], now: datetime, *, demo: bool = False
) -> Valuation:
    """The valuation of the portfolio by these quotes; does no I/O and needs no app."""
    counted = counted_classes(demo)
    holdings = [_value(holding, quotes, now, counted) for holding in portfolio.holdings]
    counting = [holding for holding in holdings if holding.is_counted]
    is_known = bool(counting) or not holdings
    total_value = _sum(holding.value for holding in counting)
    cost = _sum(holding.cost for holding in counting)
    changing = [holding for holding in counting if holding.daily_change is not None]
    change = _sum(holding.daily_change for holding in changing)
    earlier = _sum(holding.value_before for holding in changing)
    return Valuation(
        portfolio_id=portfolio.id,
        name=portfolio.name,
        version=portfolio.version,
        currency=DOLLAR,
        valued_at=now,
        total_value=total_value if is_known else None,
        cost=cost if is_known else None,
        profit=minus(total_value, cost) if is_known else None,
        profit_percent=percent(minus(total_value, cost), cost),
        daily_change=change if changing else None,
        daily_change_percent=percent(change, earlier),
        no_daily_change=tuple(holding.symbol for holding in holdings if holding not in changing),
        not_counted_value=_sum(holding.value for holding in holdings if not holding.is_counted),
        coverage=coverage_of(holdings, total_value),
        holdings=tuple(_with_share(holding, total_value) for holding in holdings),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return total(amount for amount in amounts if amount is not None)


def _with_share(holding: ValuedHolding, total_value: Decimal) -> ValuedHolding:
    if not holding.is_counted or holding.value is None:
        return holding
    return structs.replace(holding, share_percent=percent(holding.value, total_value))


def _value(
    holding: Holding,
    quotes: Mapping[str, Quote],
    now: datetime,
    counted: frozenset[PriceClass],
) -> ValuedHolding:
    instrument, currency = holding.instrument, holding.instrument.currency
    facts = ValuedHolding(
        symbol=instrument.symbol,
        name=instrument.name,
        asset_class=instrument.asset_class.value,
        decimals=instrument.decimals,
        quantity=holding.quantity,
        average_cost=holding.average_cost,
        currency=currency,
    )
    rate = None if currency is None else rate_of(currency, quotes)
    if rate is not None:
        spent = rate.dollars(times(holding.quantity, holding.average_cost))
        facts = structs.replace(facts, cost=spent, **_rate_facts(rate))
    quote = quotes.get(instrument.symbol)
    if quote is None:
        missing = Missing.NO_PRICE if holding.is_followed else Missing.NOT_FOLLOWED
        return structs.replace(facts, missing=missing)
    facts = structs.replace(facts, **_price_facts(quote, rate, now))
    if rate is None:
        missing = Missing.UNKNOWN_CURRENCY if currency is None else Missing.NO_RATE
        return structs.replace(facts, missing=missing)
    return _in_dollars(facts, holding, quote, rate, counted)


def _rate_facts(rate: Rate) -> dict[str, object]:
    if rate.quote is None:
        return {}
    return {"rate_symbol": rate.quote.symbol, "rate_is_inverse": rate.is_inverse}


def _price_facts(quote: Quote, rate: Rate | None, now: datetime) -> dict[str, object]:
    """The price, with the less trusted class and the higher age of price and rate."""
    other = rate.quote if rate else None
    legs = [leg for leg in (quote, other) if leg is not None]
    ages = [leg.age(now).total_seconds() for leg in legs]
    return {
        "price": quote.last,
        "price_class": worst_class(quote.price_class, other.price_class if other else None),
        "source": quote.source.name,
        "age_seconds": round(max(*ages, 0), 3),
        "recorded_at": next((leg.recorded_at for leg in legs if leg.recorded_at), None),
    }


def _in_dollars(
    facts: ValuedHolding,
    holding: Holding,
    quote: Quote,
    rate: Rate,
    counted: frozenset[PriceClass],
) -> ValuedHolding:
    assert facts.price is not None
    assert facts.cost is not None
    amount = rate.dollars(times(holding.quantity, facts.price))
    profit = minus(amount, facts.cost)
    return structs.replace(
        facts,
        value=amount,
        profit=profit,
        profit_percent=percent(profit, facts.cost),
        is_counted=facts.price_class in counted,
        **_day_facts(holding, quote, rate, amount),
    )


def _day_facts(holding: Holding, quote: Quote, rate: Rate, amount: Decimal) -> dict[str, object]:
    """The change of a day in dollars, including the change of the currency's rate."""
    if quote.change_from is None or quote.change_basis is None:
        return {}
    rate_from = rate.quote.change_from if rate.quote else None
    if rate.quote is not None and (
        rate_from is None or rate.quote.change_basis is not quote.change_basis
    ):
        return {}
    earlier = rate.dollars(times(holding.quantity, quote.change_from), rate_from)
    change = minus(amount, earlier)
    return {
        "value_before": earlier,
        "daily_change": change,
        "daily_change_percent": percent(change, earlier),
        "daily_change_basis": quote.change_basis.value,
    }


# Coverage


def coverage_of(holdings: Sequence[ValuedHolding], total_value: Decimal) -> Coverage:
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
    price_class: PriceClass, holdings: Sequence[ValuedHolding], total_value: Decimal
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


def _oldest(holdings: Iterable[ValuedHolding]) -> OldestPrice | None:
    """The oldest price; fixed prices are ignored, because their age means nothing."""
    aged = [holding for holding in holdings if holding.price_class is not PriceClass.LAST_RESORT]
    oldest = max(aged, key=lambda holding: holding.age_seconds or 0, default=None)
    if oldest is None or oldest.price_class is None or oldest.age_seconds is None:
        return None
    return OldestPrice(
        symbol=oldest.symbol, price_class=oldest.price_class, age_seconds=oldest.age_seconds
    )
