from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.providers.simulated.history import create
from omcrm.market.daily_bar import DailyBar
from omcrm.market.price_class import PriceClass
from tests.feeds.providers.simulated.samples import HISTORY
from tests.feeds.samples import history_request


def test_the_exchange_s_http_address_is_derived() -> None:
    """Its HTTP address is derived from that of its WebSocket, and its days are simulated."""
    provider = create(FeedSettings(urls={"simulated": "ws://127.0.0.1:9"}))
    (call,) = provider.calls(history_request(HISTORY.name))
    (first, *_) = provider.parse(call, HISTORY.days, history_request(HISTORY.name))

    assert call.url.startswith("http://127.0.0.1:9/api/v3/klines?")
    assert isinstance(first, DailyBar)
    assert ("simulated", PriceClass.SIMULATED) == (first.source, first.price_class)
