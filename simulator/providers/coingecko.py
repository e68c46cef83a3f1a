"""CoinGecko's `simple/price`: average prices of coins by id, cached for a minute; and `ohlc`,
candles of four hours of the last month.

https://docs.coingecko.com/reference/simple-price

Tricks: `missing` leaves ids out, `null` gives no price, `old` makes prices `amount` seconds old,
`throttled` answers in plain text. `ohlc` contains completed days only.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulator.http import HttpAnswer, HttpRequest
from simulator.interval import DAY
from simulator.listing import Listing
from simulator.protocol import ProviderProtocol, SourceEndpoint
from simulator.providers.daily import BAR_LENGTH, finished_days, four_hour_bars
from simulator.providers.spelling import find, is_coin
from simulator.providers.text import encode, number

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

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
# For more days CoinGecko has candles of four days, for fewer of half an hour; not simulated.
OHLC_DAYS = ("7", "14", "30")


def answer(server: "ProviderServer", request: HttpRequest) -> HttpAnswer:
    """Answer one call."""
    if coin := OHLC.fullmatch(request.path):
        return _ohlc(server, coin[1], dict(request.parameters))
    if request.path != PATH:
        return HttpAnswer(404, encode({"error": "Incorrect path. Please check."}))
    asked = dict(request.parameters)
    if "ids" not in asked or "vs_currencies" not in asked:
        return HttpAnswer(422, encode({"error": "Missing parameter ids or vs_currencies"}))
    if "throttled" in server.faults.tricks:
        return HttpAnswer(429, b"Throttled", content_type="text/plain")
    prices: dict[str, Any] = {}
    for listing in server.source.listings.values():
        id_ = IDS.get(listing.base, "")
        if is_coin(listing) and id_ in asked["ids"].split(",") and listing.last:
            prices[id_] = _price(server, listing)
    if "missing" in server.faults.tricks:
        prices = dict(list(prices.items())[1:])
    return HttpAnswer(200, encode(prices))


def _price(server: "ProviderServer", listing: Listing) -> dict[str, Any]:
    now, tricks = server.source.now(), server.faults.tricks
    fields: dict[str, Any] = {
        "usd": None,
        "last_updated_at": int(server.dated(now) / 1000 - tricks.get("old", 0)),
    }
    if listing.last and "null" not in tricks:
        fields["usd"] = number(listing.last.price)
    if day := listing.day(now):
        change = (day.bar.close / day.bar.open - 1) * 100 if day.bar.open else 0.0
        fields["usd_24h_vol"] = number(day.bar.quote // 10**8)
        fields["usd_24h_change"] = round(change, 4)
    return fields


def _ohlc(server: "ProviderServer", coin: str, asked: Mapping[str, str]) -> HttpAnswer:
    if "throttled" in server.faults.tricks:
        return HttpAnswer(429, b"Throttled", content_type="text/plain")
    if "vs_currency" not in asked or asked.get("days") not in OHLC_DAYS:
        return HttpAnswer(422, encode({"error": "Missing parameter vs_currency or days"}))
    listing = find(server.source, _id, coin)
    if listing is None:
        return HttpAnswer(404, encode({"error": "coin not found"}))
    now = server.source.now()
    since = now - int(asked["days"]) * DAY
    rows = [
        # A candle is dated by its end.
        (bar.time + BAR_LENGTH, *map(number, (bar.open, bar.high, bar.low, bar.close)))
        for day in finished_days(listing, now).values()
        for bar in four_hour_bars(day)
        if bar.time >= since
    ]
    return HttpAnswer(200, encode(rows))


def _id(listing: Listing) -> str | None:
    return IDS.get(listing.base) if is_coin(listing) else None


VENUE = ProviderProtocol(
    answer=answer,
    endpoints={
        "coingecko": SourceEndpoint("coingecko", over_http=True, time_keys=("last_updated_at",))
    },
)
