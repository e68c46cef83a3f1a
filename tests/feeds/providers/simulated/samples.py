"""Samples of the built-in exchange, as it sends them; made by hand."""

from tests.feeds.providers.binance import samples as binance
from tests.feeds.samples import HistorySamples, StreamSamples, reply

STREAM = StreamSamples("btcusdt", binance.STREAM.frames)

HISTORY = HistorySamples(
    name="btcusdt",
    days=binance.HISTORY.days,
    nothing=(reply([]),),
    refusals=((reply({"code": -1003, "msg": "Too much"}, 418), 418),),
    unknown=reply({"code": -1121, "msg": "Invalid symbol."}, 400),
)
