"""Samples of ExchangeRate-API, as it sends them; made by hand."""

from tests.feeds.samples import PollSamples, reply

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

POLL = PollSamples(
    name="EURUSD",
    prices=(reply(_EXCHANGERATE_KEYED), reply(_EXCHANGERATE_OPEN)),
    nothing=(
        reply({**_EXCHANGERATE_KEYED, "conversion_rates": {"USD": 1}}),
        reply({**_EXCHANGERATE_OPEN, "rates": {"USD": 1, "EUR": None}}),
        reply({"result": "error", "error-type": "unsupported-code"}, 404),
        reply({"result": "error", "error-type": "malformed-request"}),
    ),
    refusals=(
        (reply({"result": "error", "error-type": "quota-reached"}, 429), 429),
        (reply({"result": "error", "error-type": "quota-reached"}), 429),
        (reply({"result": "error", "error-type": "invalid-key"}, 403), 401),
        (reply({"result": "error", "error-type": "inactive-account"}, 403), 403),
        (reply({"result": "error", "error-type": "too-often"}, 429), 429),
        (reply({"result": "error"}, 503), 503),
        (reply(b"<html>Too Many Requests</html>", 429), 429),
    ),
)
