"""The names that providers other than Binance have for a listing."""

from collections.abc import Callable

from simulator.listing import Listing
from simulator.market_source import ListedMarket

STABLE = ("USDT", "FDUSD", "USDC", "TUSD", "BUSD")


def is_coin(listing: Listing) -> bool:
    """Return whether it is a pair of a coin and dollars, which most providers call USD."""
    return listing.quote in STABLE


def is_stock(listing: Listing) -> bool:
    """Return whether it is a share."""
    return listing.quote == "USD" and listing.base == listing.symbol


def is_currency(listing: Listing) -> bool:
    """Return whether it is a pair of currencies."""
    return not is_coin(listing) and not is_stock(listing)


def dashed(listing: Listing) -> str | None:
    """Return BTC-USD; None for other classes."""
    return f"{listing.base}-USD" if is_coin(listing) else None


def slashed(listing: Listing) -> str | None:
    """Return BTC/USD; None for other classes."""
    return f"{listing.base}/USD" if is_coin(listing) else None


def find(source: ListedMarket, spell: Callable[[Listing], str | None], name: str) -> Listing | None:
    """Return the listing with this name at the provider; None for an unknown name."""
    for listing in source.listings.values():
        if spell(listing) == name:
            return listing
    return None
