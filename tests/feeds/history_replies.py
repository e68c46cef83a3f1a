"""Replies of every source of finished days, as its upstream sends them.

The requested days are the 4th and 5th of January 2026; replies may hold more or fewer days.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from omcrm.feeds.history_provider import HistoryRequest
from omcrm.feeds.provider import Reply
from tests.feeds.replies import reply

FIRST, LAST = date(2026, 1, 4), date(2026, 1, 5)
NOW = datetime(2026, 1, 6, 12, 0, tzinfo=UTC)
_BEGIN = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp())
_DAY, _PART = 86_400, 14_400

NAMES: Mapping[str, str] = {
    "binance": "btcusdt",
    "simulated": "btcusdt",
    "coinbase": "BTC-USD",
    "coingecko": "bitcoin",
    "alpha_vantage": "IBM",
    "frankfurter": "EURUSD",
}


def history_request(source: str) -> HistoryRequest:
    """The request to a source, with its name of our BTC."""
    return HistoryRequest({NAMES[source]: "BTC"}, FIRST, LAST, NOW)


def _kline(number: int) -> list[object]:
    opened = (_BEGIN + number * _DAY) * 1000
    prices = ["91000.10000000", "92000.00000000", "90000.00000000", f"9150{number}.20000000"]
    rest = [opened + _DAY * 1000 - 1, "1.0", 10, "0.5", "0.5", "0"]
    return [opened, *prices, "12.50000000", *rest]


def _candle(number: int) -> list[object]:
    # Low, high, open, close, volume.
    return [_BEGIN + number * _DAY, 90000, 92000.0, 91000.1, 91500.2 + number, 12.5]


def _ohlc(number: int) -> list[object]:
    end = (_BEGIN + (number + 1) * _PART) * 1000
    return [end, 91000.1 + number, 92000.0 + number, 90000.0 - number, 91500.2 + number]


_FIGURES = {
    "1. open": "250.1000",
    "2. high": "252.0000",
    "3. low": "249.0000",
    "4. close": "251.2000",
    "5. volume": "3932222",
}
_SERIES = {
    "Meta Data": {"2. Symbol": "IBM"},
    "Time Series (Daily)": dict.fromkeys(
        ("2026-01-06", "2026-01-05", "2026-01-04", "2026-01-02"), _FIGURES
    ),
}
_RATES = {
    "amount": 1.0,
    "base": "USD",
    "start_date": "2026-01-02",
    "end_date": "2026-01-05",
    "rates": {
        "2026-01-02": {"EUR": 0.86},
        "2026-01-04": {"EUR": 0.8672},
        "2026-01-05": {"EUR": 0.8673},
    },
}
_KLINES = reply([_kline(number) for number in range(4)])

DAYS: Mapping[str, Reply] = {
    "binance": _KLINES,
    "simulated": _KLINES,
    "coinbase": reply([_candle(number) for number in reversed(range(4))]),
    "coingecko": reply([_ohlc(number) for number in range(20)]),
    "alpha_vantage": reply(_SERIES),
    "frankfurter": reply(_RATES),
}
"""Both requested days, and others."""

NOTHING: Mapping[str, tuple[Reply, ...]] = {
    "binance": (reply([]), reply([_kline(0)])),
    "simulated": (reply([]),),
    "coinbase": (reply([]),),
    # Half a day has no close.
    "coingecko": (reply([]), reply([_ohlc(number) for number in range(6, 9)])),
    "alpha_vantage": (reply({"Time Series (Daily)": {}}), reply({})),
    "frankfurter": (reply({**_RATES, "rates": {}}), reply({**_RATES, "rates": {"2026-01-05": {}}})),
}

_WORDS = "Our standard API rate limit is 25 requests per day. an-example-key"
REFUSALS: Mapping[str, tuple[tuple[Reply, int], ...]] = {
    "binance": (
        (reply({"code": -1003, "msg": "Too much request weight used"}, 429), 429),
        (reply(b"<html>blocked</html>", 403), 403),
    ),
    "simulated": ((reply({"code": -1003, "msg": "Too much"}, 418), 418),),
    "coinbase": ((reply({"message": "Public rate limit exceeded"}, 429), 429),),
    "coingecko": (
        (reply({"status": {"error_code": 429, "error_message": "You've exceeded"}}, 429), 429),
        (reply({"status": {"error_code": 429, "error_message": "You've exceeded"}}), 429),
        (reply(b"Throttled", 429), 429),
    ),
    "alpha_vantage": (
        (reply({"Note": _WORDS}), 429),
        (reply({"Information": "This is a premium endpoint"}), 403),
        (reply(b"", 500), 500),
    ),
    "frankfurter": ((reply({"message": "slow down"}, 429), 429),),
}

UNKNOWN: Mapping[str, Reply] = {
    "binance": reply({"code": -1121, "msg": "Invalid symbol."}, 400),
    "simulated": reply({"code": -1121, "msg": "Invalid symbol."}, 400),
    "coinbase": reply({"message": "NotFound"}, 404),
    "coingecko": reply({"error": "coin not found"}, 404),
    "alpha_vantage": reply({"Error Message": "Invalid API call. Please retry"}),
    "frankfurter": reply({"message": "not found"}, 404),
}
