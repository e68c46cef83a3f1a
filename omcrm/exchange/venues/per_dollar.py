"""What a dollar is in every currency: the table that venues of daily rates publish."""

from collections.abc import Mapping
from datetime import date
from decimal import Context, Decimal

from omcrm.exchange.listing import Listing
from omcrm.exchange.source import Source
from omcrm.exchange.venues.daily import finished_days
from omcrm.exchange.venues.spelling import is_currency
from omcrm.exchange.venues.text import number

DOLLAR = "USD"
# As many as the European Central Bank gives.
_DIGITS = Context(prec=5)


def per_dollar(source: Source) -> dict[str, Decimal]:
    """Give how much of each currency a dollar is, itself first; what has no price is left out."""
    return _table(
        {pair: pair.last.price for pair in source.listings.values() if pair.last is not None}
    )


def days_per_dollar(source: Source) -> dict[date, dict[str, Decimal]]:
    """Give such a table of the end of each day that is over, oldest first."""
    closes: dict[date, dict[Listing, int]] = {}
    for pair in filter(is_currency, source.listings.values()):
        for day, candle in finished_days(pair, source.now()).items():
            closes.setdefault(day, {})[pair] = candle.close
    return {day: _table(closes[day]) for day in sorted(closes)}


def _table(prices: Mapping[Listing, int]) -> dict[str, Decimal]:
    table = {DOLLAR: Decimal(1)}
    for listing, counted in prices.items():
        price = number(counted)
        if not is_currency(listing) or not price:
            continue
        if listing.base == DOLLAR:
            table[listing.quote] = _DIGITS.plus(price)
        elif listing.quote == DOLLAR:
            table[listing.base] = _DIGITS.divide(Decimal(1), price)
    return table
