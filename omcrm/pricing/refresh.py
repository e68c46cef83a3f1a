"""Prices that are asked for now, because somebody wants them now."""

from collections.abc import Iterable

from flask import current_app
from msgspec import Struct

from omcrm.extensions import db
from omcrm.market.price_class import PriceClass
from omcrm.market.quote import Quote
from omcrm.pricing.upstream_query import UpstreamQuery, fetched_price, utc_now
from omcrm.storage.asset_price import StoredPrice, write_prices
from omcrm.web.market_access import market

# Who asks waits for the answer.
_SECONDS = 10.0
# A stream told these, and would tell sooner than anybody who is asked.
_STREAMED = (PriceClass.LIVE, PriceClass.DELAYED)
# In a demonstration that nobody real answers.
_INVENTED = (PriceClass.SIMULATED,)


class RefreshFailure(Struct, frozen=True):
    """A symbol without a new price, and why."""

    symbol: str
    reason: str


class RefreshResult(Struct, frozen=True):
    """What became of each symbol that was to be updated, in the order they were named."""

    updated: list[StoredPrice]
    failed: list[RefreshFailure]


def refresh_prices(symbols: Iterable[str]) -> RefreshResult:
    """Fetch the prices of these symbols now, within the quota, and write them down.

    It takes ten seconds at most, a little longer where the database is busy. A symbol that a
    stream speaks for is told with the stream's price, and nobody is asked for it. What is fetched
    goes the way of every price: through the gate, to whoever watches. Needs an app context.
    """
    wanted = list(dict.fromkeys(symbols))
    found = market()
    streamed = {symbol: _shown(found.cache.get(symbol), _STREAMED) for symbol in wanted}
    prices = {symbol: price for symbol, price in streamed.items() if price is not None}
    reasons = {symbol: "unknown symbol" for symbol in wanted if symbol not in found.instruments}
    left = [symbol for symbol in wanted if symbol not in prices and symbol not in reasons]
    query = UpstreamQuery(current_app.extensions["omcrm.settings"], _SECONDS)
    try:
        instruments = [found.instruments[symbol] for symbol in left]
        for answer in query.prices(instruments, found.consolidator, found.publish):
            price = fetched_price(answer) or _shown(found.cache.get(answer.symbol), _INVENTED)
            if price is None:
                reasons[answer.symbol] = "; ".join(answer.problems)
            else:
                prices[answer.symbol] = price
    finally:
        query.close()
    write_prices(prices.values(), utc_now())
    db.session.commit()
    return RefreshResult(
        [prices[symbol] for symbol in wanted if symbol in prices],
        [RefreshFailure(symbol, reasons[symbol]) for symbol in wanted if symbol in reasons],
    )


def _shown(quote: Quote | None, classes: Iterable[PriceClass]) -> StoredPrice | None:
    """What is written down of the price that is shown, if it is of one of these classes."""
    if quote is None or quote.price_class not in classes:
        return None
    return StoredPrice.of(quote)
