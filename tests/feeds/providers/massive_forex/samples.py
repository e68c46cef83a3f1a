"""Samples of Massive's currencies, as it sends them; made by hand."""

from tests.feeds.samples import StreamSamples, texts

_QUOTE = {"ev": "C", "p": "EUR/USD", "x": 48, "a": 1.09185, "b": 1.0918, "t": 1770000000124}

MASSIVE_FOREX: tuple[object, ...] = (
    [{"ev": "status", "status": "auth_success", "message": "authenticated"}],
    [{"ev": "status", "status": "success", "message": "subscribed to: C.EUR/USD"}],
    [_QUOTE],
    [{**_QUOTE, "b": 1.09181}, {**_QUOTE, "p": "EUR-USD", "a": 1.0919, "t": 1770000000125}],
    [{"ev": "CA", "pair": "EUR/USD", "o": 1, "c": 1, "h": 1, "l": 1, "v": 1, "s": 1, "e": 2}],
)

STREAM = StreamSamples("EUR/USD", texts(MASSIVE_FOREX))
