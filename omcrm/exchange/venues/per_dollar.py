"""What a dollar is in every currency: the table that venues of daily rates publish."""

from decimal import Context, Decimal

from omcrm.exchange.source import Source
from omcrm.exchange.venues.spelling import is_currency
from omcrm.exchange.venues.text import number

DOLLAR = "USD"
# As many as the European Central Bank gives.
_DIGITS = Context(prec=5)


def per_dollar(source: Source) -> dict[str, Decimal]:
    """Give how much of each currency a dollar is, itself first; what has no price is left out."""
    table = {DOLLAR: Decimal(1)}
    for listing in source.listings.values():
        if not is_currency(listing) or not listing.last:
            continue
        price = number(listing.last.price)
        if listing.base == DOLLAR:
            table[listing.quote] = _DIGITS.plus(price)
        elif listing.quote == DOLLAR:
            table[listing.base] = _DIGITS.divide(Decimal(1), price)
    return table
