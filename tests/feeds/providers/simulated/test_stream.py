from omcrm.feeds.feed_settings import FeedSettings
from omcrm.feeds.provider import FrameContext
from omcrm.feeds.providers.binance.stream import Binance
from omcrm.feeds.providers.simulated.stream import create
from omcrm.market.source import SIMULATED
from tests.feeds.providers.binance.samples import BINANCE, combined
from tests.values import START

SETTINGS = FeedSettings(urls={"simulated": "ws://127.0.0.1:9000"})


def test_is_the_real_client_under_another_name() -> None:
    """The built-in exchange is read by the code that reads Binance."""
    provider = create(SETTINGS)

    assert isinstance(provider, Binance)
    assert "ws://127.0.0.1:9000/stream" == provider.url()


def test_subscribes_to_trades_book_and_day_figures() -> None:
    """The frame has a stream for each of them."""
    (frame,) = create(SETTINGS).subscribe(["eurusd"], 1)

    assert all(f'"eurusd@{stream}"' in frame for stream in ("trade", "bookTicker", "ticker"))


def test_its_prices_are_labelled_simulated() -> None:
    """Its prices cannot be confused with Binance's."""
    provider = create(SETTINGS)
    arrival = FrameContext(START, 1, {"btcusdt": "BTC"})
    (tick,) = provider.parse(combined("trade", BINANCE["trade"]), arrival)

    assert SIMULATED is tick.source
