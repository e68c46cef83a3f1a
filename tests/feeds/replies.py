"""Replies of every polled provider, as its upstream sends them."""

from collections.abc import Mapping

import msgspec

from omcrm.feeds.provider import Reply


def reply(body: object, status: int = 200, **headers: str) -> Reply:
    """An answer of JSON, or of plain text."""
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Reply(status, {"content-type": "application/json", **headers}, encoded)


_COINGECKO = {
    "bitcoin": {
        "usd": 91234,
        "usd_market_cap": 1.82e12,
        "usd_24h_vol": 31000000000.5,
        "usd_24h_change": -1.2345,
        "last_updated_at": 1770000000,
    }
}

_FINNHUB_QUOTE = {
    "c": 231.5,
    "d": 1.25,
    "dp": 0.5429,
    "h": 232.1,
    "l": 229.8,
    "o": 230.2,
    "pc": 230.25,
    "t": 1770000000,
}
_FINNHUB_ZEROS = {**dict.fromkeys(_FINNHUB_QUOTE, 0), "d": None, "dp": None}
_ALPHA_VANTAGE = {
    "01. symbol": "IBM",
    "02. open": "251.5100",
    "03. high": "251.9200",
    "04. low": "249.5100",
    "05. price": "250.7600",
    "06. volume": "3932222",
    "07. latest trading day": "2026-01-05",
    "08. previous close": "250.4350",
    "09. change": "0.3250",
    "10. change percent": "0.1298%",
}
_EXCHANGERATE_TIMES = {
    "result": "success",
    "time_last_update_unix": 1770000001,
    "time_last_update_utc": "Mon, 02 Feb 2026 00:00:01 +0000",
    "base_code": "USD",
}
_EXCHANGERATE_KEYED = {
    **_EXCHANGERATE_TIMES,
    "conversion_rates": {"USD": 1, "EUR": 0.9013, "GBP": 0.7679},
}
_EXCHANGERATE_OPEN = {
    **_EXCHANGERATE_TIMES,
    "provider": "https://www.exchangerate-api.com",
    "time_eol_unix": 0,
    "rates": {"USD": 1, "EUR": 0.9013, "GBP": 0.7679},
}
_FRANKFURTER = {
    "amount": 1.0,
    "base": "USD",
    "date": "2026-01-05",
    "rates": {"EUR": 0.8672, "GBP": 0.75},
}
_FRANKFURTER_LIST = [
    {"date": "2026-01-05", "base": "USD", "quote": "EUR", "rate": 0.8672},
    {"date": "2026-01-02", "base": "USD", "quote": "GBP", "rate": 0.75},
]

PRICES: Mapping[str, tuple[Reply, ...]] = {
    "alpha_vantage": (
        reply({"Global Quote": _ALPHA_VANTAGE}),
        reply({"Global Quote": {**_ALPHA_VANTAGE, "10. change percent": "-12.5000%"}}),
    ),
    "exchangerate_api": (reply(_EXCHANGERATE_KEYED), reply(_EXCHANGERATE_OPEN)),
    "frankfurter": (reply(_FRANKFURTER), reply(_FRANKFURTER_LIST)),
    "finnhub_quote": (
        reply(_FINNHUB_QUOTE),
        reply({**_FINNHUB_QUOTE, "c": 91234.56, "d": None, "dp": None}),
        reply({**dict.fromkeys("ohl", 0), "c": 231, "pc": 231, "d": 0, "dp": 0, "t": 1770000000}),
    ),
    "coingecko": (
        reply(_COINGECKO),
        reply({"bitcoin": {"usd": 1.2e-05, "last_updated_at": 1770000000}}),
    ),
}
"""Replies that bring a price of BTC."""

NOTHING: Mapping[str, tuple[Reply, ...]] = {
    "alpha_vantage": (
        reply({"Global Quote": {}}),
        reply({"Global Quote": {**_ALPHA_VANTAGE, "01. symbol": "AAPL"}}),
        reply({"Error Message": "Invalid API call. Please retry."}),
        reply({"Information": "We moved."}),
    ),
    "exchangerate_api": (
        reply({**_EXCHANGERATE_KEYED, "conversion_rates": {"USD": 1}}),
        reply({**_EXCHANGERATE_OPEN, "rates": {"USD": 1, "EUR": None}}),
        reply({"result": "error", "error-type": "unsupported-code"}, 404),
        reply({"result": "error", "error-type": "malformed-request"}),
    ),
    "frankfurter": (
        reply({**_FRANKFURTER, "rates": {}}),
        reply({**_FRANKFURTER, "rates": {"GBP": 0.75, "EUR": None}}),
        reply([]),
        reply({"message": "not found"}, 404),
        reply({"message": "invalid currency"}, 422),
    ),
    "finnhub_quote": (
        reply(_FINNHUB_ZEROS),
        reply({**_FINNHUB_QUOTE, "c": 0}),
        reply({**_FINNHUB_QUOTE, "t": 0}),
        reply({**_FINNHUB_QUOTE, "c": None}),
        reply({}),
        reply({"error": "Symbol not supported."}),
    ),
    "coingecko": (
        reply({}),
        reply({"bitcoin": {}}),
        reply({"bitcoin": {"usd": None, "last_updated_at": None}}),
        reply({"matic-network": {"usd": 1, "last_updated_at": 1}}),
    ),
}
"""Replies without a price that are no errors."""

REFUSALS: Mapping[str, tuple[tuple[Reply, int], ...]] = {
    "alpha_vantage": (
        (reply({"Note": "Our standard API rate limit is 25 requests per day."}), 429),
        (reply({"Information": "Key an-example-key: the limit is 25 requests per day."}), 429),
        (reply({"Information": "You have reached a rate limit of your premium plan."}), 429),
        (reply({"Information": "(1 request per second). Lift the 25 requests per day"}), 429),
        (reply({"Information": "This is a premium endpoint."}), 403),
        (reply({"Information": "The **demo** API key is for demo purposes only."}), 401),
        (reply({"Error Message": "the parameter apikey is invalid or missing."}), 401),
        (reply(b"<html>an-example-key</html>", 503), 503),
        # Half of a key is as bad as a whole one.
        (reply({"Note": "x" * 190 + "an-example-key per day"}), 429),
        (reply(b"x" * 190 + b"an-example-key", 502), 502),
    ),
    "exchangerate_api": (
        (reply({"result": "error", "error-type": "quota-reached"}, 429), 429),
        (reply({"result": "error", "error-type": "quota-reached"}), 429),
        (reply({"result": "error", "error-type": "invalid-key"}, 403), 401),
        (reply({"result": "error", "error-type": "inactive-account"}, 403), 403),
        (reply({"result": "error", "error-type": "too-often"}, 429), 429),
        (reply({"result": "error"}, 503), 503),
        (reply(b"<html>Too Many Requests</html>", 429), 429),
    ),
    "frankfurter": (
        (reply({"message": "too many requests"}, 429), 429),
        (reply(b"<html>Not Found</html>", 404), 404),
        (reply(b"<html>Bad gateway</html>", 502), 502),
    ),
    "finnhub_quote": (
        (reply({"error": "Invalid API key"}, 401), 401),
        (reply({"error": "Your account is blocked."}, 403), 403),
        (reply({"error": "API limit reached. Please try again later."}, 429), 429),
        (reply({"error": "Invalid token an-example-key"}, 401), 401),
        (reply(b"<html>Bad gateway</html>", 502), 502),
    ),
    "coingecko": (
        (reply({"status": {"error_code": 429, "error_message": "Rate Limit."}}, 429), 429),
        (reply(b"Throttled", 429, **{"retry-after": "30"}), 429),
        (reply({"status": {"error_code": 10005, "error_message": "plan"}}, 403), 403),
        (reply(b"<html>Cloudflare</html>", 503), 503),
    ),
}
"""Refusals, and the status that each is mapped to."""

NAMES: Mapping[str, str] = {
    "coingecko": "bitcoin",
    "finnhub_quote": "AAPL",
    "alpha_vantage": "IBM",
    "exchangerate_api": "EURUSD",
    "frankfurter": "EURUSD",
}
"""Each provider's name of the symbol in its replies, which is BTC for us."""
