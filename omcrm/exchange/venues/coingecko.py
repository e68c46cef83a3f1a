"""CoinGecko's `simple/price`: averages of coins by id, cached for a minute.

https://docs.coingecko.com/reference/simple-price

Tricks: `missing` leaves ids out, `null` gives no price, `old` makes prices `amount`
seconds old, `throttled` answers in plain text.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omcrm.exchange.http import Answer, Request
from omcrm.exchange.listing import Listing
from omcrm.exchange.venues.spelling import is_coin
from omcrm.exchange.venues.text import encode, number

if TYPE_CHECKING:
    from omcrm.exchange.exchange import Exchange

IDS: Mapping[str, str] = {
    "BTC": "bitcoin",
    "ETH": "ethereum",
    "SOL": "solana",
    "BNB": "binancecoin",
    "ADA": "cardano",
    "DOT": "polkadot",
    "AVAX": "avalanche-2",
    "POL": "polygon-ecosystem-token",
}
PATH = "/api/v3/simple/price"


def answer(exchange: "Exchange", request: Request) -> Answer:
    """Answer one call."""
    if request.path != PATH:
        return Answer(404, encode({"error": "Incorrect path. Please check."}))
    asked = dict(request.parameters)
    if "ids" not in asked or "vs_currencies" not in asked:
        return Answer(422, encode({"error": "Missing parameter ids or vs_currencies"}))
    if "throttled" in exchange.faults.tricks:
        return Answer(429, b"Throttled", content_type="text/plain")
    prices: dict[str, Any] = {}
    for listing in exchange.source.listings.values():
        id_ = IDS.get(listing.base, "")
        if is_coin(listing) and id_ in asked["ids"].split(",") and listing.last:
            prices[id_] = _price(exchange, listing)
    if "missing" in exchange.faults.tricks:
        prices = dict(list(prices.items())[1:])
    return Answer(200, encode(prices))


def _price(exchange: "Exchange", listing: Listing) -> dict[str, Any]:
    now, tricks = exchange.source.now(), exchange.faults.tricks
    told: dict[str, Any] = {"usd": None, "last_updated_at": int(now / 1000 - tricks.get("old", 0))}
    if listing.last and "null" not in tricks:
        told["usd"] = number(listing.last.price)
    if day := listing.day(now):
        change = (day.candle.close / day.candle.open - 1) * 100 if day.candle.open else 0.0
        told["usd_24h_vol"] = number(day.candle.quote // 10**8)
        told["usd_24h_change"] = round(change, 4)
    return told
