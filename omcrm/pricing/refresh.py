"""Fetches prices at once on a user's request."""

from collections.abc import Iterable

from msgspec import Struct

from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.pricing.upstream_query import UpstreamQuery, fetched_price, utc_now
from omcrm.services import services
from omcrm.storage.asset_price import StoredPrice, write_prices
from omcrm.storage.transaction import transaction
from omcrm.web.market_access import feed_engine, market_view

# The request waits for the answer.
_SECONDS = 10.0
# Prices of a stream, which is faster than any poll.
_STREAMED = (PriceClass.LIVE, PriceClass.DELAYED)
# Used where no real source answers, in a demo installation.
_INVENTED = (PriceClass.SIMULATED,)


class RefreshFailure(Struct, frozen=True):
    """A symbol without a new price, and the reason."""

    symbol: str
    reason: str


class RefreshResult(Struct, frozen=True):
    """The result of each requested symbol, in the order of the request."""

    updated: list[StoredPrice]
    failed: list[RefreshFailure]


def refresh_prices(symbols: Iterable[str]) -> RefreshResult:
    """Fetch the prices of these symbols now, within the quota, and write them to the database.

    It takes ten seconds at most, a little longer where the database is busy. A symbol with a
    streamed price gets that price without a call. Fetched prices are validated and
    published like all others. Needs an app context.
    """
    wanted = list(dict.fromkeys(symbols))
    view, consolidator = market_view(), feed_engine().consolidator
    streamed = {symbol: _shown(view.cache.get(symbol), _STREAMED) for symbol in wanted}
    prices = {symbol: price for symbol, price in streamed.items() if price is not None}
    reasons = {symbol: "unknown symbol" for symbol in wanted if symbol not in view.instruments}
    left = [symbol for symbol in wanted if symbol not in prices and symbol not in reasons]
    query = UpstreamQuery(services().settings, _SECONDS)
    try:
        instruments = [view.instruments[symbol] for symbol in left]
        for answer in query.prices(instruments, consolidator, services().bus.publish):
            price = fetched_price(answer) or _shown(view.cache.get(answer.symbol), _INVENTED)
            if price is None:
                reasons[answer.symbol] = "; ".join(answer.problems)
            else:
                prices[answer.symbol] = price
    finally:
        query.close()
    with transaction():
        write_prices(prices.values(), utc_now())
    return RefreshResult(
        [prices[symbol] for symbol in wanted if symbol in prices],
        [RefreshFailure(symbol, reasons[symbol]) for symbol in wanted if symbol in reasons],
    )


def _shown(quote: Quote | None, classes: Iterable[PriceClass]) -> StoredPrice | None:
    """The row for the published quote, if its price is of one of these classes."""
    if quote is None or quote.price_class not in classes:
        return None
    return StoredPrice.of(quote)
