"""Samples of Frankfurter, as it sends them; made by hand."""

from tests.feeds.samples import HistorySamples, PollSamples, reply

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

POLL = PollSamples(
    name="EURUSD",
    prices=(reply(_FRANKFURTER), reply(_FRANKFURTER_LIST)),
    nothing=(
        reply({**_FRANKFURTER, "rates": {}}),
        reply({**_FRANKFURTER, "rates": {"GBP": 0.75, "EUR": None}}),
        reply([]),
        reply({"message": "not found"}, 404),
        reply({"message": "invalid currency"}, 422),
    ),
    refusals=(
        (reply({"message": "too many requests"}, 429), 429),
        (reply(b"<html>Not Found</html>", 404), 404),
        (reply(b"<html>Bad gateway</html>", 502), 502),
    ),
)

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

HISTORY = HistorySamples(
    name="EURUSD",
    days=reply(_RATES),
    nothing=(reply({**_RATES, "rates": {}}), reply({**_RATES, "rates": {"2026-01-05": {}}})),
    refusals=((reply({"message": "slow down"}, 429), 429),),
    unknown=reply({"message": "not found"}, 404),
)
