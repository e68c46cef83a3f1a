"""Samples of the template, as it sends them; made by hand."""

from tests.feeds.samples import StreamSamples

STREAM = StreamSamples("btcusdt", ('{"symbol": "btcusdt", "price": "91234.56", "id": 5000000001}',))
