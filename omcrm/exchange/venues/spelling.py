"""How venues other than Binance call what is listed."""

from collections.abc import Callable

from omcrm.exchange.listing import Listing
from omcrm.exchange.source import Source

STABLE = ("USDT", "FDUSD", "USDC", "TUSD", "BUSD")


def is_coin(listing: Listing) -> bool:
    """Tell whether it is a pair of a coin and dollars, which most venues know as USD."""
    return listing.quote in STABLE


def is_stock(listing: Listing) -> bool:
    """Tell whether it is a share."""
    return listing.quote == "USD" and listing.base == listing.symbol


def is_currency(listing: Listing) -> bool:
    """Tell whether it is a pair of currencies."""
    return not is_coin(listing) and not is_stock(listing)


def dashed(listing: Listing) -> str | None:
    """BTC-USD; None for what is no coin."""
    return f"{listing.base}-USD" if is_coin(listing) else None


def slashed(listing: Listing) -> str | None:
    """BTC/USD; None for what is no coin."""
    return f"{listing.base}/USD" if is_coin(listing) else None


def find(source: Source, spell: Callable[[Listing], str | None], name: str) -> Listing | None:
    """Give the listing that a venue calls `name`."""
    for listing in source.listings.values():
        if spell(listing) == name:
            return listing
    return None
