"""Samples of Alpha Vantage, as it sends them; made by hand."""

from tests.feeds.samples import HistorySamples, PollSamples, reply

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

POLL = PollSamples(
    name="IBM",
    prices=(
        reply({"Global Quote": _ALPHA_VANTAGE}),
        reply({"Global Quote": {**_ALPHA_VANTAGE, "10. change percent": "-12.5000%"}}),
    ),
    nothing=(
        reply({"Global Quote": {}}),
        reply({"Global Quote": {**_ALPHA_VANTAGE, "01. symbol": "AAPL"}}),
        reply({"Error Message": "Invalid API call. Please retry."}),
        reply({"Information": "We moved."}),
    ),
    refusals=(
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
)

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

_WORDS = "Our standard API rate limit is 25 requests per day. an-example-key"

HISTORY = HistorySamples(
    name="IBM",
    days=reply(_SERIES),
    nothing=(reply({"Time Series (Daily)": {}}), reply({})),
    refusals=(
        (reply({"Note": _WORDS}), 429),
        (reply({"Information": "This is a premium endpoint"}), 403),
        (reply(b"", 500), 500),
    ),
    unknown=reply({"Error Message": "Invalid API call. Please retry"}),
)
