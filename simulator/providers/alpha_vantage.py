"""Alpha Vantage's `GLOBAL_QUOTE` and `TIME_SERIES_DAILY`: the last trading day of a share, and up
to a hundred days; refusals have the status 200, too.

https://www.alphavantage.co/documentation/

Every key is accepted but `demo`. The figures of the last 24 hours are sent as those of the last
completed trading day. Tricks: `note` and `information_limit` refuse because the day's calls are
used up, the latter with the key in its text; `information_burst` refuses because calls are too
frequent, `information_premium` because the plan does not include them; `error_message` rejects the
call, `empty` returns no data.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from omcrm.market.session import Calendar, is_open
from simulator.http import HttpAnswer, HttpRequest, json_answer
from simulator.listing import Listing
from simulator.protocol import ProviderProtocol, SourceEndpoint
from simulator.providers.daily import finished_days
from simulator.providers.spelling import find, is_stock
from simulator.providers.text import number
from simulator.simulated_bar import SimulatedBar

if TYPE_CHECKING:
    from simulator.provider_server import ProviderServer

PATH = "/query"
# The number of days without a paid plan.
COMPACT = 100
NEW_YORK = ZoneInfo("America/New_York")
CLOSE, NOON = time(16), time(12)

_PLANS = "any of the premium plans at https://www.alphavantage.co/premium/"
_SUPPORT = "https://www.alphavantage.co/support/#api-key"
_THANKS = "Thank you for using Alpha Vantage!"
_WRONG_CALL = (
    "Invalid API call. Please retry or visit the documentation "
    "(https://www.alphavantage.co/documentation/) for {function}."
)
_USED_UP = (
    f"{_THANKS} Our standard API rate limit is 25 requests per day. Please subscribe to {_PLANS} "
    "to instantly remove all daily rate limits."
)
_KEY_USED_UP = (
    "We have detected your API key as {key} and our standard API rate limit is 25 requests per "
    f"day. Please subscribe to {_PLANS} to instantly remove all daily rate limits."
)
_TOO_FAST = (
    f"{_THANKS} Please consider spreading out your free API requests more sparingly (1 request "
    f"per second). You may subscribe to {_PLANS} to lift the free key rate limit (25 requests "
    "per day), raise the per-second burst limit, and instantly unlock all premium endpoints"
)
_PREMIUM = (
    f"{_THANKS} This is a premium endpoint. You may subscribe to {_PLANS} to instantly unlock "
    "all premium endpoints"
)
# Field and text of each trick.
REFUSALS: Mapping[str, tuple[str, str]] = {
    "note": ("Note", _USED_UP),
    "information_limit": ("Information", _KEY_USED_UP),
    "information_burst": ("Information", _TOO_FAST),
    "information_premium": ("Information", _PREMIUM),
    "error_message": ("Error Message", _WRONG_CALL),
}
_NO_KEY = (
    f"the parameter apikey is invalid or missing. Please claim your free API key on ({_SUPPORT}). "
    "It should take less than 20 seconds."
)
_DEMO = (
    "The **demo** API key is for demo purposes only. Please claim your free API key at "
    f"({_SUPPORT}) to explore our full API offerings. It takes fewer than 20 seconds."
)


def answer(server: "ProviderServer", request: HttpRequest) -> HttpAnswer:
    """Answer one call."""
    if request.path != PATH:
        return HttpAnswer(404, b"<h1>Not Found</h1>", content_type="text/html")
    asked = dict(request.parameters)
    key, function = asked.get("apikey", ""), asked.get("function", "")
    if not key:
        return json_answer({"Error Message": _NO_KEY})
    for trick, (field, words) in REFUSALS.items():
        if trick in server.faults.tricks:
            return json_answer({field: words.format(key=key, function=function)})
    if key == "demo":
        return json_answer({"Information": _DEMO})
    if function not in _FUNCTIONS or "symbol" not in asked:
        return json_answer({"Error Message": _WRONG_CALL.format(function=function)})
    return json_answer(_FUNCTIONS[function](server, asked["symbol"].upper()))


def _global_quote(server: "ProviderServer", symbol: str) -> dict[str, Any]:
    return {"Global Quote": _quote(server, symbol)}


def _quote(server: "ProviderServer", symbol: str) -> dict[str, Any]:
    listing = find(server.source, _ticker, symbol)
    now = server.source.now()
    day = listing.day(now) if listing else None
    if day is None or "empty" in server.faults.tricks:
        return {}
    price, before = number(day.last.price), number(day.price_before)
    change = price - before
    return {
        "01. symbol": symbol,
        "02. open": _money(number(day.bar.open)),
        "03. high": _money(number(day.bar.high)),
        "04. low": _money(number(day.bar.low)),
        "05. price": _money(price),
        "06. volume": f"{number(day.bar.volume):.0f}",
        "07. latest trading day": str(
            last_day(datetime.fromtimestamp(server.dated(now) / 1000, UTC))
        ),
        "08. previous close": _money(before),
        "09. change": _money(change),
        "10. change percent": f"{_money(change / before * 100 if before else Decimal(0))}%",
    }


def _series(server: "ProviderServer", symbol: str) -> dict[str, Any]:
    listing, now = find(server.source, _ticker, symbol), server.source.now()
    if listing is None or "empty" in server.faults.tricks:
        return {"Error Message": _WRONG_CALL.format(function="TIME_SERIES_DAILY")}
    last = last_day(datetime.fromtimestamp(now / 1000, UTC))
    days = [
        (day, bar)
        for day, bar in finished_days(listing, now).items()
        if day <= last and _is_trading_day(day)
    ][-COMPACT:]
    return {
        "Meta Data": {
            "1. Information": "Daily Prices (open, high, low, close) and Volumes",
            "2. Symbol": symbol,
            "3. Last Refreshed": str(days[-1][0]) if days else "",
            "4. Output Size": "Compact",
            "5. Time Zone": "US/Eastern",
        },
        "Time Series (Daily)": {str(day): _day(bar) for day, bar in reversed(days)},
    }


def _day(bar: SimulatedBar) -> dict[str, str]:
    prices = {"open": bar.open, "high": bar.high, "low": bar.low, "close": bar.close}
    fields = {name: _money(number(price)) for name, price in prices.items()}
    fields["volume"] = f"{number(bar.volume):.0f}"
    return {f"{position}. {name}": text for position, (name, text) in enumerate(fields.items(), 1)}


_FUNCTIONS = {"GLOBAL_QUOTE": _global_quote, "TIME_SERIES_DAILY": _series}


def last_day(now: datetime) -> date:
    """Return the last completed trading day at `now`."""
    local = now.astimezone(NEW_YORK)
    day = local.date() if local.time() >= CLOSE else local.date() - timedelta(days=1)
    while not _is_trading_day(day):
        day -= timedelta(days=1)
    return day


def _is_trading_day(day: date) -> bool:
    return is_open(Calendar.XNYS, datetime.combine(day, NOON, NEW_YORK))


def _ticker(listing: Listing) -> str | None:
    return listing.base if is_stock(listing) else None


def _money(value: Decimal) -> str:
    return f"{value:.4f}"


VENUE = ProviderProtocol(
    answer=answer,
    endpoints={
        "alpha_vantage": SourceEndpoint(
            "alpha_vantage",
            over_http=True,
            by_question=True,
            time_keys=("07. latest trading day",),
        )
    },
)
