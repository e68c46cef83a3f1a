"""Samples of CoinGecko, as it sends them; made by hand."""

from tests.feeds.samples import BEGIN, PART, HistorySamples, PollSamples, reply

_COINGECKO = {
    "bitcoin": {
        "usd": 91234,
        "usd_market_cap": 1.82e12,
        "usd_24h_vol": 31000000000.5,
        "usd_24h_change": -1.2345,
        "last_updated_at": 1770000000,
    }
}

POLL = PollSamples(
    name="bitcoin",
    prices=(
        reply(_COINGECKO),
        reply({"bitcoin": {"usd": 1.2e-05, "last_updated_at": 1770000000}}),
    ),
    nothing=(
        reply({}),
        reply({"bitcoin": {}}),
        reply({"bitcoin": {"usd": None, "last_updated_at": None}}),
        reply({"matic-network": {"usd": 1, "last_updated_at": 1}}),
    ),
    refusals=(
        (reply({"status": {"error_code": 429, "error_message": "Rate Limit."}}, 429), 429),
        (reply(b"Throttled", 429, **{"retry-after": "30"}), 429),
        (reply({"status": {"error_code": 10005, "error_message": "plan"}}, 403), 403),
        (reply(b"<html>Cloudflare</html>", 503), 503),
    ),
)


def _ohlc(number: int) -> list[object]:
    end = (BEGIN + (number + 1) * PART) * 1000
    return [end, 91000.1 + number, 92000.0 + number, 90000.0 - number, 91500.2 + number]


HISTORY = HistorySamples(
    name="bitcoin",
    days=reply([_ohlc(number) for number in range(20)]),
    # Half a day has no close.
    nothing=(reply([]), reply([_ohlc(number) for number in range(6, 9)])),
    refusals=(
        (reply({"status": {"error_code": 429, "error_message": "You've exceeded"}}, 429), 429),
        (reply({"status": {"error_code": 429, "error_message": "You've exceeded"}}), 429),
        (reply(b"Throttled", 429), 429),
    ),
    unknown=reply({"error": "coin not found"}, 404),
)
