"""CoinGecko's `simple/price`: averages of coins by id, cached for a minute; and `ohlc`, candles of
four hours of the last month.

https://docs.coingecko.com/reference/simple-price

Tricks: `missing` leaves ids out, `null` gives no price, `old` makes prices `amount`
seconds old, `throttled` answers in plain text. Only whole days are told by `ohlc`.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omcrm.exchange.http import Answer, Request
from omcrm.exchange.interval import DAY
from omcrm.exchange.listing import Listing
from omcrm.exchange.venues.daily import PART, finished_days, parts
from omcrm.exchange.venues.spelling import find, is_coin
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
OHLC = re.compile("/api/v3/coins/([a-z0-9-]+)/ohlc")
# Of more days it tells candles of four days, of fewer some of half an hour; these are not faked.
OHLC_DAYS = ("7", "14", "30")


def answer(exchange: "Exchange", request: Request) -> Answer:
    """Answer one call."""
    if coin := OHLC.fullmatch(request.path):
        return _ohlc(exchange, coin[1], dict(request.parameters))
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


def _ohlc(exchange: "Exchange", coin: str, asked: Mapping[str, str]) -> Answer:
    if "throttled" in exchange.faults.tricks:
        return Answer(429, b"Throttled", content_type="text/plain")
    if "vs_currency" not in asked or asked.get("days") not in OHLC_DAYS:
        return Answer(422, encode({"error": "Missing parameter vs_currency or days"}))
    listing = find(exchange.source, _id, coin)
    if listing is None:
        return Answer(404, encode({"error": "coin not found"}))
    now = exchange.source.now()
    since = now - int(asked["days"]) * DAY
    rows = [
        # A candle is told by its end.
        (part.time + PART, *map(number, (part.open, part.high, part.low, part.close)))
        for day in finished_days(listing, now).values()
        for part in parts(day)
        if part.time >= since
    ]
    return Answer(200, encode(rows))


def _id(listing: Listing) -> str | None:
    return IDS.get(listing.base) if is_coin(listing) else None
