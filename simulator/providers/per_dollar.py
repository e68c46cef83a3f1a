"""The value of a dollar in every currency: the table that providers of daily rates publish."""

from collections.abc import Mapping
from datetime import date
from decimal import Context, Decimal

from simulator.listing import Listing
from simulator.market_source import ListedMarket
from simulator.providers.daily import finished_days
from simulator.providers.spelling import is_currency
from simulator.providers.text import number

DOLLAR = "USD"
# The precision of the European Central Bank.
_DIGITS = Context(prec=5)


def per_dollar(source: ListedMarket) -> dict[str, Decimal]:
    """Return how much of each currency a dollar is worth, the dollar first; without those that have
    no price."""
    return _table(
        {pair: pair.last.price for pair in source.listings.values() if pair.last is not None}
    )


def days_per_dollar(source: ListedMarket) -> dict[date, dict[str, Decimal]]:
    """Return this table for the end of each completed day, oldest first."""
    closes: dict[date, dict[Listing, int]] = {}
    for pair in filter(is_currency, source.listings.values()):
        for day, bar in finished_days(pair, source.now()).items():
            closes.setdefault(day, {})[pair] = bar.close
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
