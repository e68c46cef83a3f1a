"""Samples of Finnhub, as it sends them; made by hand."""

from tests.feeds.samples import PollSamples, StreamSamples, reply, texts

_FINNHUB_TRADE = {
    "c": None,
    "p": 91234.56,
    "s": "BINANCE:BTCUSDT",
    "t": 1770000000140,
    "v": 0.0042,
}

_FINNHUB_SHARE = {"c": ["1", "12"], "p": 231.55, "s": "AAPL", "t": 1770000000123, "v": 100}

FINNHUB: tuple[object, ...] = (
    {"type": "ping"},
    {"data": [_FINNHUB_TRADE], "type": "trade"},
    {"data": [_FINNHUB_SHARE, _FINNHUB_TRADE, _FINNHUB_TRADE], "type": "trade"},
    {"data": [{**_FINNHUB_TRADE, "c": [], "v": 0}], "type": "trade"},
    {
        "data": [
            _FINNHUB_TRADE,
            {key: _FINNHUB_TRADE[key] for key in "pst"} | {"p": 91234, "v": 1},
        ],
        "type": "trade",
    },
    {"msg": "Subscribing to too many symbols", "type": "error"},
    {"data": [{"category": "company", "headline": "A headline", "id": 1}], "type": "news"},
    {"type": "something_new"},
)

STREAM = StreamSamples("BINANCE:BTCUSDT", texts(FINNHUB))

_QUOTE = {
    "c": 231.5,
    "d": 1.25,
    "dp": 0.5429,
    "h": 232.1,
    "l": 229.8,
    "o": 230.2,
    "pc": 230.25,
    "t": 1770000000,
}

_ZEROS = {**dict.fromkeys(_QUOTE, 0), "d": None, "dp": None}

POLL = PollSamples(
    name="AAPL",
    prices=(
        reply(_QUOTE),
        reply({**_QUOTE, "c": 91234.56, "d": None, "dp": None}),
        reply({**dict.fromkeys("ohl", 0), "c": 231, "pc": 231, "d": 0, "dp": 0, "t": 1770000000}),
    ),
    nothing=(
        reply(_ZEROS),
        reply({**_QUOTE, "c": 0}),
        reply({**_QUOTE, "t": 0}),
        reply({**_QUOTE, "c": None}),
        reply({}),
        reply({"error": "Symbol not supported."}),
    ),
    refusals=(
        (reply({"error": "Invalid API key"}, 401), 401),
        (reply({"error": "Your account is blocked."}, 403), 403),
        (reply({"error": "API limit reached. Please try again later."}, 429), 429),
        (reply({"error": "Invalid token an-example-key"}, 401), 401),
        (reply(b"<html>Bad gateway</html>", 502), 502),
    ),
)
